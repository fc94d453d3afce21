package redoubt.personality;

import redoubt.md.Layout;

/**
 * Chunks dealt out in stripes of one chunk a slot, one of them parity: RAID5 in its four rotations, and RAID4 with the parity on the
 * first or the last slot (Linux, drivers/md/raid5.c, raid5_compute_sector; docs/FORMATS.md, "map", for IMSM's, which is left-asymmetric).
 *
 * <p>A stripe holds {@code slots - 1} chunks of data, numbered by their <em>index</em>; all its strips lie at the same place of their members:
 * {@code stripe · chunk}. Pure arithmetic, no state.
 */
public final class ParityLayout implements Layout {

    /** The index of a slot that holds no data in a stripe, but parity. */
    public static final int PARITY = -1;

    private final int slots;
    private final int dataSlots;
    private final long chunkBytes;
    private final ParityRotation rotation;

    /**
     * Makes a layout.
     *
     * @param slots at least 2; with 2 the parity is a mirror
     * @param chunkBytes bytes that stay together
     */
    public ParityLayout(int slots, long chunkBytes, ParityRotation rotation) {
        if (slots < 2 || chunkBytes < 1) {
            throw new IllegalArgumentException("no parity layout of " + slots + " slots with chunk " + chunkBytes);
        }
        this.slots = slots;
        this.dataSlots = slots - 1;
        this.chunkBytes = chunkBytes;
        this.rotation = rotation;
    }

    @Override
    public int slots() {
        return slots;
    }

    /** How many chunks of data a stripe has. */
    public int dataSlots() {
        return dataSlots;
    }

    /** Bytes that stay together. */
    public long chunkBytes() {
        return chunkBytes;
    }

    /** Bytes of data in a stripe. */
    public long stripeBytes() {
        return dataSlots * chunkBytes;
    }

    @Override
    public int copies() {
        return 1;
    }

    @Override
    public long capacity(long componentBytes) {
        return Math.multiplyExact(componentBytes / chunkBytes, stripeBytes());
    }

    @Override
    public long run(long offset) {
        return chunkBytes - offset % chunkBytes;
    }

    @Override
    public int slot(long offset, int copy) {
        return dataSlot(stripe(offset), index(offset));
    }

    @Override
    public long memberOffset(long offset, int copy) {
        return stripe(offset) * chunkBytes + offset % chunkBytes;
    }

    /** The stripe of a byte of the array. */
    public long stripe(long offset) {
        return offset / stripeBytes();
    }

    /** Which chunk of its stripe a byte of the array is in. */
    public int index(long offset) {
        return (int) (offset % stripeBytes() / chunkBytes);
    }

    /** The slot that holds the parity of a stripe. */
    public int parity(long stripe) {
        return switch (rotation) {
            case LEFT_ASYMMETRIC, LEFT_SYMMETRIC -> dataSlots - (int) (stripe % slots);
            case RIGHT_ASYMMETRIC, RIGHT_SYMMETRIC -> (int) (stripe % slots);
            case PARITY_FIRST -> 0;
            case PARITY_LAST -> dataSlots;
        };
    }

    /** The slot that holds the chunk of this index in a stripe. */
    public int dataSlot(long stripe, int index) {
        int parity = parity(stripe);
        return switch (rotation) {
            case LEFT_ASYMMETRIC, RIGHT_ASYMMETRIC -> index < parity ? index : index + 1;
            case LEFT_SYMMETRIC, RIGHT_SYMMETRIC -> (parity + 1 + index) % slots;
            case PARITY_FIRST -> index + 1;
            case PARITY_LAST -> index;
        };
    }

    /** Which chunk of the stripe the slot holds, or {@link #PARITY}. */
    public int indexOn(long stripe, int slot) {
        int parity = parity(stripe);
        if (slot == parity) {
            return PARITY;
        }
        return switch (rotation) {
            case LEFT_ASYMMETRIC, RIGHT_ASYMMETRIC -> slot < parity ? slot : slot - 1;
            case LEFT_SYMMETRIC, RIGHT_SYMMETRIC -> (slot - parity - 1 + slots) % slots;
            case PARITY_FIRST -> slot - 1;
            case PARITY_LAST -> slot;
        };
    }
}
