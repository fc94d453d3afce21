package redoubt.assembly;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import redoubt.metadata.SlotPicture;
import redoubt.metadata.SlotState;
import redoubt.metadata.VolumePicture;

/**
 * One answer to the question which disk stands for which entry of a container's table: the number of the disk by the index of the entry,
 * -1 where none does.
 */
record Arrangement(List<Integer> diskOfEntry) {

    static final int NOBODY = -1;

    Arrangement {
        diskOfEntry = List.copyOf(diskOfEntry);
    }

    /** The disk in a slot of a volume, if there is one and the metadata says that it is in sync; else {@link #NOBODY}. */
    int inSync(SlotPicture slot) {
        return slot.state() == SlotState.IN_SYNC && slot.diskIndex().isPresent()
                ? diskOfEntry.get(slot.diskIndex().getAsInt())
                : NOBODY;
    }

    /** The disk in a slot of a volume, in sync or being filled; else {@link #NOBODY}. */
    int occupant(SlotPicture slot) {
        boolean there = slot.state() == SlotState.IN_SYNC || slot.state() == SlotState.REBUILDING;
        return there && slot.diskIndex().isPresent()
                ? diskOfEntry.get(slot.diskIndex().getAsInt())
                : NOBODY;
    }

    /** Bit k set: slot k has a disk that is in sync. */
    long slotsInSync(VolumePicture volume) {
        long slots = 0;
        for (SlotPicture slot : volume.slots()) {
            if (inSync(slot) != NOBODY) {
                slots |= 1L << slot.slot();
            }
        }
        return slots;
    }

    /**
     * The disks that the content of a volume is read from: for each column those that hold the same, an empty set where it has to be computed
     * from the others. The list is empty when the content is not whole.
     */
    List<Set<Integer>> columns(VolumePicture volume) {
        if (!Levels.whole(volume, slotsInSync(volume))) {
            return List.of();
        }
        int count = Levels.columns(volume);
        int copies = volume.slots().size() / count;
        List<Set<Integer>> columns = new ArrayList<>();
        for (int column = 0; column < count; column++) {
            columns.add(new TreeSet<>());
        }
        for (SlotPicture slot : volume.slots()) {
            int disk = inSync(slot);
            if (disk != NOBODY) {
                columns.get(slot.slot() / copies).add(disk);
            }
        }
        return columns;
    }

    /**
     * Every way to put the disks on the open entries, each disk somewhere.
     *
     * @param fixed what is known already, by index of the entry
     */
    static List<Arrangement> all(List<Integer> fixed, List<Integer> disks, List<Integer> openEntries) {
        List<Arrangement> all = new ArrayList<>();
        Integer[] entries = fixed.toArray(Integer[]::new);
        place(entries, disks, 0, openEntries, all);
        return all;
    }

    private static void place(
            Integer[] entries, List<Integer> disks, int next, List<Integer> openEntries, List<Arrangement> all) {
        if (next == disks.size()) {
            all.add(new Arrangement(Arrays.asList(entries.clone())));
            return;
        }
        for (int entry : openEntries) {
            if (entries[entry] == NOBODY) {
                entries[entry] = disks.get(next);
                place(entries, disks, next + 1, openEntries, all);
                entries[entry] = NOBODY;
            }
        }
    }

    /** How many ways there are; {@link Long#MAX_VALUE} when they are more than that. */
    static long count(int disks, int openEntries) {
        long ways = 1;
        for (int i = 0; i < disks; i++) {
            int factor = openEntries - i;
            if (factor > 0 && ways > Long.MAX_VALUE / factor) {
                return Long.MAX_VALUE;
            }
            ways *= Math.max(0, factor);
        }
        return ways;
    }
}
