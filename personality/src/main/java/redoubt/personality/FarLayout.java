package redoubt.personality;

/**
 * RAID10 with far copies (Linux, drivers/md/raid10.c, __raid10_find_phys). The array is dealt out as in {@link NearLayout}; each further set
 * of copies stands {@code near} slots further on. Far: in a region of its own, a stride behind the set before. Offset: in the next row, so that
 * the rows of all sets follow each other. Newer kinds in which copies stay within sets of slots (bits 17 and 18 of md's number) are others.
 *
 * <p>Copy c is near copy c div far, far copy c mod far. Pure arithmetic, no state.
 */
public final class FarLayout implements CopiesLayout {

    private final int slots;
    private final int near;
    private final int far;
    private final boolean offset;
    private final long chunkBytes;
    private final long strideBytes;

    /**
     * Makes a layout.
     *
     * @param near how many copies stand side by side
     * @param far how many sets of them there are; {@code near · far} is at most {@code slots}
     * @param offset whether sets stand in rows that follow each other
     * @param componentBytes how much of each member the array uses
     */
    public FarLayout(int slots, int near, int far, boolean offset, long chunkBytes, long componentBytes) {
        if (near < 1 || far < 1 || near * far > slots || chunkBytes < 1 || componentBytes < 0) {
            throw new IllegalArgumentException("no far layout of %d slots, %d near and %d far copies, chunk %d"
                    .formatted(slots, near, far, chunkBytes));
        }
        this.slots = slots;
        this.near = near;
        this.far = far;
        this.offset = offset;
        this.chunkBytes = chunkBytes;
        long used = Math.ceilDiv(chunks(componentBytes) * near * far, slots);
        this.strideBytes = offset ? chunkBytes : used / far * chunkBytes;
    }

    /** Chunks of the array. */
    private long chunks(long componentBytes) {
        return componentBytes / chunkBytes / far * slots / near;
    }

    @Override
    public int slots() {
        return slots;
    }

    @Override
    public int copies() {
        return near * far;
    }

    @Override
    public int slotsToTheNextChunk() {
        return near;
    }

    @Override
    public long held(int slot, long end) {
        return IN_PIECES;
    }

    @Override
    public long capacity(long componentBytes) {
        return Math.multiplyExact(chunks(componentBytes), chunkBytes);
    }

    @Override
    public long run(long at) {
        return chunkBytes - at % chunkBytes;
    }

    @Override
    public int slot(long at, int copy) {
        return (int) ((position(at, copy) % slots + (long) copy % far * near) % slots);
    }

    @Override
    public long memberOffset(long at, int copy) {
        long row = position(at, copy) / slots;
        long first = (offset ? row * far : row) * chunkBytes;
        return first + copy % far * strideBytes + at % chunkBytes;
    }

    private long position(long at, int copy) {
        return at / chunkBytes * near + copy / far;
    }
}
