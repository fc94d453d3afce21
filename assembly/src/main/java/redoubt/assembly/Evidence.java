package redoubt.assembly;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import redoubt.metadata.VolumePicture;

/** What the content of the disks says about who is who. Reads the disks, never writes. */
class Evidence {

    /**
     * What is left of the arrangements.
     *
     * @param because what ruled the others out, in words with a margin; empty where nothing was
     */
    record Narrowed(List<Arrangement> left, String because) {}

    /** Rules out what contradicts the content of a volume. */
    Narrowed narrow(VolumePicture volume, List<Arrangement> arrangements) {
        return new Narrowed(arrangements, "");
    }

    /** The arrangements in groups that give the same content of a volume. */
    List<List<Arrangement>> contents(VolumePicture volume, List<Arrangement> arrangements) {
        List<List<Arrangement>> groups = new ArrayList<>();
        for (Arrangement arrangement : arrangements) {
            List<Set<Integer>> columns = arrangement.columns(volume);
            groups.stream()
                    .filter(group ->
                            sameContent(volume, columns, group.getFirst().columns(volume)))
                    .findFirst()
                    .orElseGet(() -> {
                        List<Arrangement> fresh = new ArrayList<>();
                        groups.add(fresh);
                        return fresh;
                    })
                    .add(arrangement);
        }
        return groups;
    }

    /** Columns that share a disk hold the same, since the disks of a column do. */
    private boolean sameContent(VolumePicture volume, List<Set<Integer>> one, List<Set<Integer>> other) {
        if (one.size() != other.size()) {
            return false;
        }
        for (int column = 0; column < one.size(); column++) {
            if (!sameColumn(volume, one.get(column), other.get(column))) {
                return false;
            }
        }
        return true;
    }

    private boolean sameColumn(VolumePicture volume, Set<Integer> one, Set<Integer> other) {
        return (one.isEmpty() && other.isEmpty())
                || one.stream().anyMatch(other::contains)
                || one.stream().anyMatch(a -> other.stream().anyMatch(b -> identical(volume, a, b)));
    }

    /** Whether two disks hold the same bytes in all of a volume. */
    boolean identical(VolumePicture volume, int one, int other) {
        return one == other;
    }
}
