package redoubt.assembly;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import redoubt.assembly.Likeness.Degree;
import redoubt.assembly.content.Testimony;
import redoubt.base.Extent;
import redoubt.base.Sectors;
import redoubt.md.Layout;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.ReadFailed;
import redoubt.metadata.SlotPicture;
import redoubt.metadata.SlotState;
import redoubt.metadata.VolumePicture;

/**
 * What the content of the disks says about who is who. Reads the disks, never writes.
 *
 * <ul>
 *   <li><b>Mirrors are equal</b>, and disks that are no mirrors of each other are not. This finds the pairs of a RAID10, and a disk that was
 *       given twice. Of a pair that is being rebuilt only the rebuilt part is equal; which of the two is the source cannot be told from it.
 *   <li><b>Parity adds up</b> to zero over all members. It says whether a disk belongs, not where.
 *   <li><b>Partition tables and file systems</b> say where in the volume they stand, and so in which order the disks belong ({@link
 *       ContentOrder}).
 * </ul>
 */
final class Evidence {

    private static final int PARITY_SAMPLE_BYTES = 4096;
    private static final int CONTENTS_LIMIT = 5040;

    /**
     * What is left of the arrangements; none when the content contradicts them all.
     *
     * @param because what ruled the others out, in words with a margin; empty where nothing was
     */
    record Narrowed(List<Arrangement> left, String because) {}

    /**
     * What speaks against an arrangement.
     *
     * @param clear whether it is more than a remark
     * @param better the arrangement for which the content clearly speaks; null where it only speaks against
     */
    record Doubt(String because, boolean clear, @Nullable Arrangement better) {}

    private final Map<Integer, DiskPages> disks = new HashMap<>();
    private final Map<Integer, String> names = new HashMap<>();
    private final Likeness likeness = new Likeness(disks);

    Evidence(List<OpenDisk> open) {
        for (OpenDisk disk : open) {
            disks.put(disk.number(), new DiskPages(disk, open.size()));
            names.put(disk.number(), disk.name());
        }
    }

    /** Rules out what contradicts the mirrors and the parity of a volume. A disk that cannot be read says nothing. */
    Narrowed narrow(VolumePicture volume, List<Arrangement> arrangements) {
        try {
            Optional<String> contradiction = strangers(volume, arrangements);
            if (contradiction.isPresent()) {
                return new Narrowed(List.of(), contradiction.get());
            }
            return pairs(volume, arrangements);
        } catch (ReadFailed failed) {
            return new Narrowed(arrangements, "its content could not be looked at: " + failed.getMessage());
        }
    }

    // ---------------------------------------------------------------------------------------------- who does not
    // belong

    private Optional<String> strangers(VolumePicture volume, List<Arrangement> arrangements) throws ReadFailed {
        Set<Integer> present = new HashSet<>();
        for (SlotPicture slot : volume.slots()) {
            int disk = arrangements.getFirst().inSync(slot);
            if (disk != Arrangement.NOBODY) {
                present.add(disk);
            }
        }
        if (volume.level() == RaidLevel.RAID5
                && present.size() == volume.slots().size()) {
            Optional<String> off = parity(volume, present);
            if (off.isPresent()) {
                return off;
            }
        }
        return copies(volume, arrangements);
    }

    /** Only what holds for every order is said: the sum over all members. A foreign disk or a copy puts nearly every sample off. */
    private Optional<String> parity(VolumePicture volume, Set<Integer> present) throws ReadFailed {
        int informative = 0;
        int off = 0;
        for (long at : Likeness.places(region(volume))) {
            byte[] sum = new byte[PARITY_SAMPLE_BYTES];
            boolean anything = false;
            for (int disk : present) {
                byte[] bytes = pages(disk).read(at, PARITY_SAMPLE_BYTES);
                anything |= !Likeness.zero(bytes);
                AssumedVolume.xor(sum, bytes);
            }
            informative += anything ? 1 : 0;
            off += Likeness.zero(sum) ? 0 : 1;
        }
        return off * 2 > informative
                ? Optional.of(
                        "the parity of %s does not add up in %d of %d samples, so one of the disks does not belong to it or is a copy of another"
                                .formatted(title(volume), off, informative))
                : Optional.empty();
    }

    /** The same content in places where different content belongs: a disk that was given twice. */
    private Optional<String> copies(VolumePicture volume, List<Arrangement> arrangements) throws ReadFailed {
        if (volume.level() == RaidLevel.RAID1) {
            return Optional.empty(); // then both are what a mirror should be
        }
        String twins = "";
        for (Arrangement arrangement : arrangements) {
            List<Set<Integer>> columns = arrangement.columns(volume);
            twins = twins(volume, columns);
            if (twins.isEmpty()) {
                return Optional.empty();
            }
        }
        return Optional.of(twins + "; leave the copy out");
    }

    private String twins(VolumePicture volume, List<Set<Integer>> columns) throws ReadFailed {
        for (int i = 0; i < columns.size(); i++) {
            for (int k = i + 1; k < columns.size(); k++) {
                for (int one : columns.get(i)) {
                    for (int other : columns.get(k)) {
                        Likeness.Finding found = likeness.of(one, other, region(volume));
                        boolean same = found.degree() == Degree.IDENTICAL || found.degree() == Degree.SAMPLES_EQUAL;
                        if (same && found.informative() > 0) {
                            return "%s and %s hold the same, and %s has different data on each of its members"
                                    .formatted(names.get(one), names.get(other), title(volume));
                        }
                    }
                }
            }
        }
        return "";
    }

    // ---------------------------------------------------------------------------------------------- mirrors

    /** Keeps the arrangements whose mirrors are most alike: identical ones where there are any, else nearly equal ones. */
    private Narrowed pairs(VolumePicture volume, List<Arrangement> arrangements) throws ReadFailed {
        if (volume.level() != RaidLevel.RAID10 && volume.level() != RaidLevel.RAID1) {
            return new Narrowed(arrangements, "");
        }
        Degree best = Degree.DIFFERENT;
        Map<Arrangement, Degree> degrees = new HashMap<>();
        for (Arrangement arrangement : arrangements) {
            Degree degree = worstPair(volume, arrangement);
            degrees.put(arrangement, degree);
            best = degree.compareTo(best) < 0 ? degree : best;
        }
        if (best == Degree.DIFFERENT) {
            return new Narrowed(
                    List.of(),
                    "in every arrangement of the disks of %s there are mirrors that do not hold the same, so one of the disks does not belong to it"
                            .formatted(title(volume)));
        }
        Degree wanted = best;
        List<Arrangement> left = arrangements.stream()
                .filter(arrangement -> degrees.get(arrangement) == wanted)
                .toList();
        return new Narrowed(
                left,
                left.size() == arrangements.size()
                        ? ""
                        : "which disks mirror each other is told by their content (%d of %d arrangements left)"
                                .formatted(left.size(), arrangements.size()));
    }

    private Degree worstPair(VolumePicture volume, Arrangement arrangement) throws ReadFailed {
        Degree worst = Degree.IDENTICAL;
        int copies = volume.level() == RaidLevel.RAID1 ? volume.slots().size() : 2;
        for (SlotPicture one : volume.slots()) {
            for (SlotPicture other : volume.slots()) {
                if (one.slot() < other.slot() && one.slot() / copies == other.slot() / copies) {
                    Degree degree = alike(volume, arrangement, one, other);
                    worst = degree.compareTo(worst) > 0 ? degree : worst;
                }
            }
        }
        return worst;
    }

    private Degree alike(VolumePicture volume, Arrangement arrangement, SlotPicture one, SlotPicture other)
            throws ReadFailed {
        int first = arrangement.occupant(one);
        int second = arrangement.occupant(other);
        if (first == Arrangement.NOBODY || second == Arrangement.NOBODY) {
            return Degree.IDENTICAL; // nothing to compare
        }
        Extent region = region(volume);
        long done = region.length();
        for (SlotPicture slot : List.of(one, other)) {
            if (slot.state() == SlotState.REBUILDING) {
                done = Math.min(done, Sectors.toBytes(slot.recoveredSectors()));
            }
        }
        return done == 0
                ? Degree.IDENTICAL
                : likeness.of(first, second, new Extent(region.offset(), done)).degree();
    }

    // ---------------------------------------------------------------------------------------------- partition tables
    // and file systems

    /**
     * Which of the arrangements the volumes speak for: one at least must decide, and none may favour another order. Where that is not so, all
     * are left.
     */
    Narrowed order(List<VolumePicture> volumes, List<Arrangement> arrangements) {
        List<Arrangement> left = arrangements;
        List<ContentOrder.Ruling> rulings = new ArrayList<>();
        for (VolumePicture volume : volumes) {
            ruling(volume, arrangements).ifPresent(rulings::add);
        }
        for (ContentOrder.Ruling ruling : rulings) {
            if (ruling.decided() != null) {
                Set<Arrangement> right = Set.copyOf(ruling.decided());
                left = left.stream().filter(right::contains).toList();
            }
        }
        String because = rulings.stream().map(ContentOrder.Ruling::because).collect(Collectors.joining("; "));
        for (ContentOrder.Ruling ruling : rulings) {
            if (!ruling.favoured().isEmpty() && left.stream().noneMatch(ruling.favoured()::contains)) {
                return new Narrowed(arrangements, "its volumes speak for different orders: " + because);
            }
        }
        return new Narrowed(left, because);
    }

    private Optional<ContentOrder.Ruling> ruling(VolumePicture volume, List<Arrangement> arrangements) {
        List<List<Arrangement>> groups = contents(volume, arrangements);
        Layout layout = Levels.obstacle(volume).isEmpty() ? Levels.layout(volume) : null;
        if (groups.size() < 2 || groups.size() > CONTENTS_LIMIT || layout == null) {
            return Optional.empty();
        }
        try {
            return Optional.of(new ContentOrder(volume, layout, disks, names).rule(groups));
        } catch (ReadFailed failed) {
            return Optional.of(new ContentOrder.Ruling(
                    null, List.of(), "its content could not be looked at: " + failed.getMessage()));
        }
    }

    // ---------------------------------------------------------------------------------------------- doubt

    /**
     * Whether the content clearly speaks against an arrangement that somebody gave. Cheap where it does not: what is in order is read once.
     * Mirrors or parity that do not agree are no evidence by themselves, for an array may never have been synchronized.
     *
     * @param others other ways to arrange the same disks
     */
    Optional<Doubt> against(VolumePicture volume, Arrangement given, List<Arrangement> others) {
        Layout layout = Levels.obstacle(volume).isEmpty() ? Levels.layout(volume) : null;
        if (layout == null || given.columns(volume).isEmpty()) {
            return Optional.empty();
        }
        try {
            Optional<Doubt> mirrors = mixedPairs(volume, given);
            if (mirrors.isPresent()) {
                return mirrors;
            }
            ContentOrder order = new ContentOrder(volume, layout, disks, names);
            Testimony own = order.testimony(given);
            if (own.wholesome() && own.score() >= ContentOrder.MARGIN_POINTS) {
                return Optional.empty();
            }
            return otherOrder(volume, order, given, others);
        } catch (ReadFailed unreadable) {
            return Optional.empty(); // whoever reads it next will say so
        }
    }

    private Optional<Doubt> otherOrder(
            VolumePicture volume, ContentOrder order, Arrangement given, List<Arrangement> others) throws ReadFailed {
        List<Set<Integer>> columns = given.columns(volume);
        List<List<Arrangement>> groups = new ArrayList<>(List.of(List.of(given)));
        for (Arrangement other : others) {
            List<Set<Integer>> otherColumns = other.columns(volume);
            boolean sameMirrors = volume.level() != RaidLevel.RAID10
                    || Set.copyOf(otherColumns).equals(Set.copyOf(columns));
            boolean known = groups.stream()
                    .anyMatch(group -> group.getFirst().columns(volume).equals(otherColumns));
            if (sameMirrors && !known) {
                groups.add(List.of(other));
            }
        }
        if (groups.size() < 2) {
            return Optional.empty();
        }
        ContentOrder.Ruling ruling = order.rule(groups);
        if (ruling.favoured().isEmpty() || ruling.favoured().contains(given)) {
            return Optional.empty();
        }
        return Optional.of(
                ruling.decided() == null
                        ? new Doubt(
                                "in another order of the disks there is something in %s too; the serials decide: %s"
                                        .formatted(title(volume), ruling.because()),
                                false,
                                null)
                        : new Doubt(
                                "in another order of the disks " + ruling.because(),
                                true,
                                ruling.decided().getFirst()));
    }

    /** A RAID10 of which two mirrors have nothing in common, while one of them equals a disk of another pair. */
    private Optional<Doubt> mixedPairs(VolumePicture volume, Arrangement given) throws ReadFailed {
        if (volume.level() != RaidLevel.RAID10) {
            return Optional.empty();
        }
        List<Set<Integer>> pairs = given.columns(volume);
        for (Set<Integer> pair : pairs) {
            List<Integer> both = List.copyOf(pair);
            if (both.size() == 2
                    && likeness.sampled(both.get(0), both.get(1), region(volume))
                                    .degree()
                            == Degree.DIFFERENT) {
                for (int one : both) {
                    Optional<Integer> twin = twinElsewhere(volume, pairs, pair, one);
                    if (twin.isPresent()) {
                        return Optional.of(new Doubt(
                                "%s and %s are mirrors of each other by their serials and hold different data, while %s holds the same as %s"
                                        .formatted(
                                                names.get(both.get(0)),
                                                names.get(both.get(1)),
                                                names.get(one),
                                                names.get(twin.get())),
                                true,
                                null));
                    }
                }
            }
        }
        return Optional.empty();
    }

    private Optional<Integer> twinElsewhere(VolumePicture volume, List<Set<Integer>> pairs, Set<Integer> own, int disk)
            throws ReadFailed {
        for (Set<Integer> pair : pairs) {
            for (int other : pair) {
                if (!own.contains(other)) {
                    Likeness.Finding found = likeness.sampled(disk, other, region(volume));
                    if (found.degree() == Degree.SAMPLES_EQUAL && found.informative() > 0) {
                        return Optional.of(other);
                    }
                }
            }
        }
        return Optional.empty();
    }

    // ---------------------------------------------------------------------------------------------- what comes to the
    // same

    /** The arrangements in groups that give the same content of a volume. */
    List<List<Arrangement>> contents(VolumePicture volume, List<Arrangement> arrangements) {
        boolean mirrored = volume.level() == RaidLevel.RAID1 || volume.level() == RaidLevel.RAID10;
        // Without mirrors there may be thousands, so that each cannot be held against each.
        return mirrored ? mirroredContents(volume, arrangements) : plainContents(volume, arrangements);
    }

    private List<List<Arrangement>> mirroredContents(VolumePicture volume, List<Arrangement> arrangements) {
        List<List<Arrangement>> groups = new ArrayList<>();
        List<List<Set<Integer>>> firsts = new ArrayList<>();
        for (Arrangement arrangement : arrangements) {
            List<Set<Integer>> columns = arrangement.columns(volume);
            int group = 0;
            while (group < groups.size() && !sameContent(volume, columns, firsts.get(group))) {
                group++;
            }
            if (group == groups.size()) {
                groups.add(new ArrayList<>());
                firsts.add(columns);
            }
            groups.get(group).add(arrangement);
        }
        return groups;
    }

    private List<List<Arrangement>> plainContents(VolumePicture volume, List<Arrangement> arrangements) {
        Map<List<Integer>, List<Arrangement>> groups = new LinkedHashMap<>();
        for (Arrangement arrangement : arrangements) {
            groups.computeIfAbsent(alike(volume, arrangement.columns(volume)), _ -> new ArrayList<>(1))
                    .add(arrangement);
        }
        return List.copyOf(groups.values());
    }

    /** For each column the lowest disk that holds the same as the one there, or {@link Arrangement#NOBODY}. */
    private List<Integer> alike(VolumePicture volume, List<Set<Integer>> columns) {
        List<Integer> alike = new ArrayList<>(columns.size());
        for (Set<Integer> column : columns) {
            int disk = column.isEmpty() ? Arrangement.NOBODY : column.iterator().next();
            alike.add(column.isEmpty() ? disk : lowestLike(volume, disk));
        }
        return List.copyOf(alike);
    }

    private int lowestLike(VolumePicture volume, int disk) {
        int lowest = disk;
        for (int other : disks.keySet()) {
            if (other < lowest && identical(volume, other, disk)) {
                lowest = other;
            }
        }
        return lowest;
    }

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

    /** The disks of a column hold the same; so columns that share one do, and columns of which two are equal byte for byte. */
    private boolean sameColumn(VolumePicture volume, Set<Integer> one, Set<Integer> other) {
        if (one.isEmpty() || other.isEmpty()) {
            return one.isEmpty() && other.isEmpty();
        }
        return one.stream().anyMatch(other::contains)
                || one.stream().anyMatch(a -> other.stream().anyMatch(b -> identical(volume, a, b)));
    }

    private boolean identical(VolumePicture volume, int one, int other) {
        try {
            return likeness.of(one, other, region(volume)).degree() == Degree.IDENTICAL;
        } catch (ReadFailed unreadable) {
            return false;
        }
    }

    // ----------------------------------------------------------------------------------------------

    /** Where a volume lies on each of its members. */
    private static Extent region(VolumePicture volume) {
        long from = volume.slots().isEmpty() ? 0 : volume.slots().getFirst().dataOffsetSectors();
        return new Extent(Sectors.toBytes(from), Sectors.toBytes(volume.componentSectors()));
    }

    private DiskPages pages(int disk) throws ReadFailed {
        @Nullable DiskPages pages = disks.get(disk);
        if (pages == null) {
            throw new ReadFailed("disk %d is not open".formatted(disk));
        }
        return pages;
    }

    private static String title(VolumePicture volume) {
        return redoubt.metadata.Printable.of(volume.name());
    }
}
