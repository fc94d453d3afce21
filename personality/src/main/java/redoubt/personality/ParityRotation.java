package redoubt.personality;

import java.util.Optional;

/**
 * How the parity of one stripe after the other moves over the slots, with the numbers and words of md (Linux, drivers/md/raid5.c,
 * raid5_compute_sector). With two parities, P moves as the words say and Q stands behind it, where nothing else is said. IMSM knows
 * {@link #LEFT_ASYMMETRIC} only (docs/FORMATS.md, "map").
 */
public enum ParityRotation {
    /** From the last slot down; data fills the other slots from the first. */
    LEFT_ASYMMETRIC(0, "left-asymmetric", 1, 2),
    /** From the first slot up; data fills the other slots from the first. */
    RIGHT_ASYMMETRIC(1, "right-asymmetric", 1, 2),
    /** From the last slot down; data begins behind the parity and goes round. md's own choice. */
    LEFT_SYMMETRIC(2, "left-symmetric", 1, 2),
    /** From the first slot up; data begins behind the parity and goes round. */
    RIGHT_SYMMETRIC(3, "right-symmetric", 1, 2),
    /** Always on the first slot, or the first two. */
    PARITY_FIRST(4, "parity-first", 1, 2),
    /** Always on the last slot, as RAID4 has it, or the last two. */
    PARITY_LAST(5, "parity-last", 1, 2),
    /** DDF's: from the first slot up; data fills the others from the first. Powers go by the slot, as in all of DDF's. */
    DDF_ZERO_RESTART(8, "ddf-zero-restart", 2, 2),
    /** DDF's: from the last slot but one down; data fills the others from the first. */
    DDF_N_RESTART(9, "ddf-N-restart", 2, 2),
    /** DDF's: from the last slot down, Q before P; data begins behind P and goes round. */
    DDF_N_CONTINUE(10, "ddf-N-continue", 2, 2),
    /** {@link #LEFT_ASYMMETRIC} with one parity, and Q always on a slot more, the last one: as a RAID5 that became a RAID6 has it. */
    LEFT_ASYMMETRIC_6(16, "left-asymmetric-6", 2, 2),
    /** {@link #RIGHT_ASYMMETRIC} with one parity, and Q on the last slot. */
    RIGHT_ASYMMETRIC_6(17, "right-asymmetric-6", 2, 2),
    /** {@link #LEFT_SYMMETRIC} with one parity, and Q on the last slot. */
    LEFT_SYMMETRIC_6(18, "left-symmetric-6", 2, 2),
    /** {@link #RIGHT_SYMMETRIC} with one parity, and Q on the last slot. */
    RIGHT_SYMMETRIC_6(19, "right-symmetric-6", 2, 2),
    /** P always on the first slot, Q on the last. */
    PARITY_FIRST_6(20, "parity-first-6", 2, 2);

    private final int number;
    private final String word;
    private final int fewestParities;
    private final int mostParities;

    ParityRotation(int number, String word, int fewestParities, int mostParities) {
        this.number = number;
        this.word = word;
        this.fewestParities = fewestParities;
        this.mostParities = mostParities;
    }

    /** md's number of the layout. */
    public int number() {
        return number;
    }

    /** mdadm's word for it. */
    public String word() {
        return word;
    }

    /** Whether a stripe may have so many parities. */
    public boolean suits(int parities) {
        return parities >= fewestParities && parities <= mostParities;
    }

    /** The rotation with md's number, of stripes with so many parities. */
    public static Optional<ParityRotation> ofNumber(int number, int parities) {
        for (ParityRotation rotation : values()) {
            if (rotation.number == number && rotation.suits(parities)) {
                return Optional.of(rotation);
            }
        }
        return Optional.empty();
    }
}
