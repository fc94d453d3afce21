package redoubt.personality;

/**
 * Chunks dealt out to the slots in turn, each chunk to {@code copies} neighbours: RAID0 with one copy, RAID10's near layout with more, and
 * RAID1 where there are as many copies as slots (Linux, drivers/md/raid10.c, with one far copy; docs/FORMATS.md, "map").
 *
 * <p>Copy c of chunk k stands at position k·copies + c; the slot is the position modulo the slots, the row the position divided by them.
 */
public final class NearLayout implements CopiesLayout {

    private final int slots;
    private final int copies;
    private final long chunkBytes;

    /**
     * Makes a layout.
     *
     * @param copies 1 to {@code slots}
     * @param chunkBytes bytes that stay together; plays no part where every slot holds everything
     */
    public NearLayout(int slots, int copies, long chunkBytes) {
        if (slots < 1 || copies < 1 || copies > slots || chunkBytes < 1) {
            throw new IllegalArgumentException(
                    "no near layout of " + slots + " slots, " + copies + " copies, chunk " + chunkBytes);
        }
        this.slots = slots;
        this.copies = copies;
        this.chunkBytes = chunkBytes;
    }

    @Override
    public int slots() {
        return slots;
    }

    @Override
    public int copies() {
        return copies;
    }

    @Override
    public long capacity(long componentBytes) {
        if (mirrorsAll()) {
            return componentBytes;
        }
        long rows = componentBytes / chunkBytes;
        return Math.multiplyExact(Math.multiplyExact(rows, (long) slots) / copies, chunkBytes);
    }

    @Override
    public long run(long offset) {
        return mirrorsAll() ? Long.MAX_VALUE : chunkBytes - offset % chunkBytes;
    }

    @Override
    public int slot(long offset, int copy) {
        return mirrorsAll() ? copy : (int) (position(offset, copy) % slots);
    }

    @Override
    public long memberOffset(long offset, int copy) {
        return mirrorsAll() ? offset : position(offset, copy) / slots * chunkBytes + offset % chunkBytes;
    }

    @Override
    public int slotsToTheNextChunk() {
        return copies;
    }

    @Override
    public long held(int slot, long end) {
        if (mirrorsAll()) {
            return end;
        }
        long wholePositions = end / chunkBytes * copies;
        long chunks = wholePositions / slots + (slot < wholePositions % slots ? 1 : 0);
        long partial = end % chunkBytes;
        long first = wholePositions % slots;
        long distance = slot >= first ? slot - first : slot - first + slots;
        return chunks * chunkBytes + (distance < copies ? partial : 0);
    }

    @Override
    public boolean mirrorsAll() {
        return copies == slots;
    }

    private long position(long offset, int copy) {
        return offset / chunkBytes * copies + copy;
    }
}
