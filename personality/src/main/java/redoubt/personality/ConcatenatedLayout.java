package redoubt.personality;

/** One member behind the other (Linux, drivers/md/md-linear.c), each with a size of its own. Pure arithmetic, no state. */
public final class ConcatenatedLayout implements CopiesLayout {

    private final long[] ends; // of each member, in the array

    /**
     * Makes a layout.
     *
     * @param memberBytes how much of each member the array uses, slot by slot, already rounded down to its chunk
     */
    public ConcatenatedLayout(long[] memberBytes) {
        if (memberBytes.length == 0) {
            throw new IllegalArgumentException("nothing to put one behind the other");
        }
        this.ends = new long[memberBytes.length];
        long end = 0;
        for (int slot = 0; slot < ends.length; slot++) {
            end = Math.addExact(end, memberBytes[slot]);
            ends[slot] = end;
        }
    }

    @Override
    public int slots() {
        return ends.length;
    }

    @Override
    public int copies() {
        return 1;
    }

    @Override
    public int slotsToTheNextChunk() {
        return 1;
    }

    /** The members' own sizes count. */
    @Override
    public long capacity(long componentBytes) {
        return ends[ends.length - 1];
    }

    @Override
    public long run(long offset) {
        return ends[slot(offset, 0)] - offset;
    }

    @Override
    public int slot(long offset, int copy) {
        int slot = 0;
        while (slot < ends.length - 1 && offset >= ends[slot]) {
            slot++;
        }
        return slot;
    }

    @Override
    public long memberOffset(long offset, int copy) {
        return offset - start(slot(offset, 0));
    }

    @Override
    public long held(int slot, long end) {
        return Math.clamp(end - start(slot), 0, ends[slot] - start(slot));
    }

    private long start(int slot) {
        return slot == 0 ? 0 : ends[slot - 1];
    }
}
