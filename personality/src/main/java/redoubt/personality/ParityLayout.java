package redoubt.personality;

import redoubt.md.Layout;

/**
 * Chunks dealt out in stripes of one chunk a slot, one or two of them parity: RAID5 and RAID6 in all their rotations, and RAID4 with the
 * parity on the first or the last slot (Linux, drivers/md/raid5.c, raid5_compute_sector; specs: md-core §10; docs/FORMATS.md, "map", for
 * IMSM's, which is left-asymmetric).
 *
 * <p>A stripe holds as many chunks of data as it has slots that are no parity, numbered by their <em>index</em>; all its strips lie at the same
 * place of their members: {@code stripe · chunk}. P is the sum of the data; Q the sum of the data, each strip multiplied by 2 to its
 * {@link #power}. Pure arithmetic, no state.
 */
public final class ParityLayout implements Layout {

    /** The index of a slot that holds no data in a stripe, but parity. */
    public static final int PARITY = -1;

    /** The slot of Q where a stripe has one parity only. */
    public static final int NO_SLOT = -1;

    private final int slots;
    private final int parities;
    private final int dataSlots;
    private final long chunkBytes;
    private final ParityRotation rotation;

    /**
     * Makes a layout with one parity.
     *
     * @param slots at least 2; with 2 the parity is a mirror
     * @param chunkBytes bytes that stay together
     */
    public ParityLayout(int slots, long chunkBytes, ParityRotation rotation) {
        this(slots, 1, chunkBytes, rotation);
    }

    /**
     * Makes a layout.
     *
     * @param slots at least one more than parities; at most 64
     * @param parities 1, or 2 for a rotation that {@link ParityRotation#suits} it
     * @param chunkBytes bytes that stay together
     */
    public ParityLayout(int slots, int parities, long chunkBytes, ParityRotation rotation) {
        if (parities < 1 || slots <= parities || slots > Long.SIZE || chunkBytes < 1 || !rotation.suits(parities)) {
            throw new IllegalArgumentException("no " + rotation.word() + " layout of " + slots + " slots, " + parities
                    + " of them parity, with chunk " + chunkBytes);
        }
        this.slots = slots;
        this.parities = parities;
        this.dataSlots = slots - parities;
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

    /** How many parities a stripe has, 1 or 2. */
    public int parities() {
        return parities;
    }

    /** The slot that holds P of a stripe, the sum of its data. */
    public int parity(long stripe) {
        int last = slots - 1;
        return switch (rotation) {
            case LEFT_ASYMMETRIC, LEFT_SYMMETRIC, DDF_N_CONTINUE -> last - (int) (stripe % slots);
            case RIGHT_ASYMMETRIC, RIGHT_SYMMETRIC, DDF_ZERO_RESTART -> (int) (stripe % slots);
            case DDF_N_RESTART -> last - (int) ((stripe + 1) % slots);
            case PARITY_FIRST, PARITY_FIRST_6 -> 0;
            case PARITY_LAST -> dataSlots;
            case LEFT_ASYMMETRIC_6, LEFT_SYMMETRIC_6 -> last - 1 - (int) (stripe % last);
            case RIGHT_ASYMMETRIC_6, RIGHT_SYMMETRIC_6 -> (int) (stripe % last);
        };
    }

    /** The slot that holds Q of a stripe, or {@link #NO_SLOT}. */
    public int q(long stripe) {
        if (parities == 1) {
            return NO_SLOT;
        }
        return switch (rotation) {
            case LEFT_ASYMMETRIC,
                    LEFT_SYMMETRIC,
                    RIGHT_ASYMMETRIC,
                    RIGHT_SYMMETRIC,
                    PARITY_FIRST,
                    PARITY_LAST,
                    DDF_ZERO_RESTART,
                    DDF_N_RESTART -> (parity(stripe) + 1) % slots;
            case DDF_N_CONTINUE -> (parity(stripe) + slots - 1) % slots;
            case LEFT_ASYMMETRIC_6, RIGHT_ASYMMETRIC_6, LEFT_SYMMETRIC_6, RIGHT_SYMMETRIC_6, PARITY_FIRST_6 ->
                slots - 1;
        };
    }

    /** The slots that hold parity in a stripe: bit k is slot k. */
    public long paritySlots(long stripe) {
        return 1L << parity(stripe) | (parities == 1 ? 0 : 1L << q(stripe));
    }

    /** The slot that holds the chunk of this index in a stripe. */
    public int dataSlot(long stripe, int index) {
        int p = parity(stripe);
        return switch (rotation) {
            case LEFT_ASYMMETRIC, RIGHT_ASYMMETRIC, DDF_ZERO_RESTART, DDF_N_RESTART -> {
                // Where P is on the last slot, Q is on the first.
                int before = parities == 2 && p == slots - 1 ? 1 : 0;
                yield before + index < p ? before + index : index + parities;
            }
            case LEFT_SYMMETRIC, RIGHT_SYMMETRIC -> (p + parities + index) % slots;
            case DDF_N_CONTINUE -> (p + 1 + index) % slots;
            case PARITY_FIRST -> index + parities;
            case PARITY_LAST -> index;
            case LEFT_ASYMMETRIC_6, RIGHT_ASYMMETRIC_6, PARITY_FIRST_6 -> index < p ? index : index + 1;
            case LEFT_SYMMETRIC_6, RIGHT_SYMMETRIC_6 -> (p + 1 + index) % (slots - 1);
        };
    }

    /** Which chunk of the stripe the slot holds, or {@link #PARITY}. */
    public int indexOn(long stripe, int slot) {
        int p = parity(stripe);
        if (slot == p || slot == q(stripe)) {
            return PARITY;
        }
        return switch (rotation) {
            case LEFT_ASYMMETRIC, RIGHT_ASYMMETRIC, DDF_ZERO_RESTART, DDF_N_RESTART -> {
                int before = parities == 2 && p == slots - 1 ? 1 : 0;
                yield slot < p ? slot - before : slot - parities;
            }
            case LEFT_SYMMETRIC, RIGHT_SYMMETRIC -> (slot - p - parities + slots) % slots;
            case DDF_N_CONTINUE -> (slot - p - 1 + slots) % slots;
            case PARITY_FIRST -> slot - parities;
            case PARITY_LAST -> slot;
            case LEFT_ASYMMETRIC_6, RIGHT_ASYMMETRIC_6, PARITY_FIRST_6 -> slot < p ? slot : slot - 1;
            case LEFT_SYMMETRIC_6, RIGHT_SYMMETRIC_6 -> (slot - p - 1 + slots - 1) % (slots - 1);
        };
    }

    /** The power of 2 by which Q counts a slot that holds data in the stripe: less than {@link #slots}. */
    public int power(long stripe, int slot) {
        return switch (rotation) {
            case DDF_ZERO_RESTART, DDF_N_RESTART, DDF_N_CONTINUE -> slot;
            default -> {
                // Counted from the slot behind Q on, round and round, without P.
                int first = q(stripe) + 1;
                int distance = Math.floorMod(slot - first, slots);
                int toP = Math.floorMod(parity(stripe) - first, slots);
                yield toP < distance ? distance - 1 : distance;
            }
        };
    }
}
