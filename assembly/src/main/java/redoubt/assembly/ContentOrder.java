package redoubt.assembly;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import redoubt.assembly.content.Signatures;
import redoubt.assembly.content.Testimony;
import redoubt.base.Sectors;
import redoubt.md.Layout;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.ReadFailed;
import redoubt.metadata.SlotPicture;
import redoubt.metadata.VolumePicture;

/**
 * Which order of the disks the content of a volume speaks for: its partition table or its file system.
 *
 * <p>What is found may be old: disks that were an array before, in another order, still hold what they held then, as long as the new content
 * has not come to it. So to be found is not enough. An order is <em>decided</em> when
 *
 * <ul>
 *   <li>what stands at the beginning of the volume fills it, or a partition of it, by its own word on its size;
 *   <li>all that it promises elsewhere is at its place, and nothing else claims the same beginning;
 *   <li>every other order lacks at least {@link #MARGIN_POINTS} of it;
 *   <li>no disk begins with anything else than zeroes and what is known to belong there. What is not known might be the beginning of the
 *       volume in another order, of which nobody here knows the form: a database, what is encrypted, a file.
 * </ul>
 *
 * Anything less is named, and decides nothing.
 */
final class ContentOrder {

    /** By how many points the best content must beat the next ({@link Testimony}). */
    static final int MARGIN_POINTS = 4;

    /** How much of each disk is its beginning: one chunk, but no less and no more than these. */
    private static final int BEGINNING_LEAST_BYTES = 64 << 10;

    private static final int BEGINNING_MOST_BYTES = 1 << 20;
    private static final int PIECE_BYTES = 4096;

    /**
     * What the content says.
     *
     * @param decided the arrangements that are right; null where that is not decided
     * @param favoured the arrangements in which the most is found, decided or not; empty where nothing is
     * @param because in words
     */
    record Ruling(@Nullable List<Arrangement> decided, List<Arrangement> favoured, String because) {}

    private record Judged(List<Arrangement> group, Testimony testimony) {}

    private final VolumePicture volume;
    private final Layout layout;
    private final Map<Integer, DiskPages> disks;
    private final Map<Integer, String> names;

    ContentOrder(VolumePicture volume, Layout layout, Map<Integer, DiskPages> disks, Map<Integer, String> names) {
        this.volume = volume;
        this.layout = layout;
        this.disks = disks;
        this.names = names;
    }

    /** What is found in an arrangement. */
    Testimony testimony(Arrangement arrangement) throws ReadFailed {
        return arrangement.columns(volume).isEmpty() ? new Testimony() : Signatures.of(assumed(arrangement));
    }

    private AssumedVolume assumed(Arrangement arrangement) {
        return new AssumedVolume(volume, layout, arrangement, disks);
    }

    /** @param groups arrangements that give the same content, at least two such groups */
    Ruling rule(List<List<Arrangement>> groups) throws ReadFailed {
        // Only the best is kept: thousands of testimonies would fill a server's heap.
        Judged best = new Judged(List.of(), new Testimony());
        int next = 0;
        for (List<Arrangement> group : groups) {
            Testimony testimony = testimony(group.getFirst());
            if (best.group().isEmpty() || testimony.score() > best.testimony().score()) {
                next = best.group().isEmpty()
                        ? next
                        : Math.max(next, best.testimony().score());
                best = new Judged(group, testimony);
            } else {
                next = Math.max(next, testimony.score());
            }
        }
        Testimony found = best.testimony();
        if (found.silent()) {
            return new Ruling(null, List.of(), "no partition table or file system in it shows the order");
        }
        int margin = found.score() - next;
        List<Arrangement> favoured = margin > 0 ? best.group() : List.of();
        String objection = objection(best, margin);
        return objection.isEmpty()
                ? new Ruling(
                        best.group(),
                        favoured,
                        "%s speaks for itself: %s (%d points, %d more than the next arrangement; it has the right size, and nothing unknown stands at the beginning of any disk)"
                                .formatted(title(), found.words(), found.score(), margin))
                : new Ruling(
                        null,
                        favoured,
                        "what is in it in one of them (%s) may be old and does not show the order well enough: %s"
                                .formatted(found.words(), objection));
    }

    /** Why what was found does not decide; empty where it does. */
    private String objection(Judged best, int margin) throws ReadFailed {
        Testimony found = best.testimony();
        if (found.score() < MARGIN_POINTS || margin < MARGIN_POINTS) {
            return "%d points ahead, and %d are needed".formatted(Math.max(0, margin), MARGIN_POINTS);
        }
        if (!found.wholesome()) {
            return "%d of the things that it promises are not at their places".formatted(found.misses());
        }
        if (!found.fitting()) {
            return "it does not have the size of the array, or is not alone there";
        }
        return unknownBeginning(best.group().getFirst());
    }

    private String unknownBeginning(Arrangement arrangement) throws ReadFailed {
        int chunk = volume.chunkBytes();
        int beginning = Math.clamp(chunk, BEGINNING_LEAST_BYTES, BEGINNING_MOST_BYTES);
        boolean parity = volume.level() == RaidLevel.RAID5 || volume.level() == RaidLevel.RAID4;
        int columns = Levels.columns(volume) - (parity ? 1 : 0);
        AssumedVolume content = assumed(arrangement);
        long end = Math.min(content.size(), (long) columns * Math.max(chunk, beginning));
        Testimony testimony = Signatures.of(content, end);
        int piece = Math.min(PIECE_BYTES, chunk);
        for (long at = chunk; at <= end - piece; at += piece) {
            long memberOffset = layout.memberOffset(at, 0);
            if (memberOffset < beginning && testimony.unaccounted(at, content.read(at, piece))) {
                int disk = arrangement.inSync(volume.slots().get(layout.slot(at, 0)));
                return "the beginning of %s (%d KiB in) holds something that is not part of it, and that may begin the array in another order"
                        .formatted(names.getOrDefault(disk, "the disk that is missing"), memberOffset >> 10);
            }
        }
        return parity ? brokenParity(arrangement, beginning) : "";
    }

    /** The disk with the parity begins with a sum of what is known; if it does not, it begins with something unknown. */
    private String brokenParity(Arrangement arrangement, long beginning) throws ReadFailed {
        for (long at = 0; at < Math.min(beginning, Sectors.toBytes(volume.componentSectors())); at += PIECE_BYTES) {
            byte[] sum = new byte[PIECE_BYTES];
            for (SlotPicture slot : volume.slots()) {
                DiskPages disk = disks.get(arrangement.inSync(slot));
                if (disk == null) {
                    return ""; // then what was looked at is made of all the others
                }
                AssumedVolume.xor(sum, disk.read(Sectors.toBytes(slot.dataOffsetSectors()) + at, PIECE_BYTES));
            }
            if (!Likeness.zero(sum)) {
                return "parity does not add up %d KiB from the beginning".formatted(at >> 10);
            }
        }
        return "";
    }

    private String title() {
        return redoubt.metadata.Printable.of(volume.name());
    }
}
