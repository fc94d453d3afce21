package redoubt.personality;

import java.util.Optional;

/**
 * How the parity of one stripe after the other moves over the slots, with the numbers and words of md (Linux, drivers/md/raid5.c,
 * raid5_compute_sector). IMSM knows {@link #LEFT_ASYMMETRIC} only (docs/FORMATS.md, "map").
 */
public enum ParityRotation {
    /** From the last slot down; data fills the other slots from the first. */
    LEFT_ASYMMETRIC(0, "left-asymmetric"),
    /** From the first slot up; data fills the other slots from the first. */
    RIGHT_ASYMMETRIC(1, "right-asymmetric"),
    /** From the last slot down; data begins behind the parity and goes round. md's own choice. */
    LEFT_SYMMETRIC(2, "left-symmetric"),
    /** From the first slot up; data begins behind the parity and goes round. */
    RIGHT_SYMMETRIC(3, "right-symmetric"),
    /** Always on the first slot. */
    PARITY_FIRST(4, "parity-first"),
    /** Always on the last slot, as RAID4 has it. */
    PARITY_LAST(5, "parity-last");

    private final int number;
    private final String word;

    ParityRotation(int number, String word) {
        this.number = number;
        this.word = word;
    }

    /** md's number of the layout. */
    public int number() {
        return number;
    }

    /** mdadm's word for it. */
    public String word() {
        return word;
    }

    /** The rotation with md's number. */
    public static Optional<ParityRotation> ofNumber(int number) {
        for (ParityRotation rotation : values()) {
            if (rotation.number == number) {
                return Optional.of(rotation);
            }
        }
        return Optional.empty();
    }
}
