package redoubt.assembly;

/** What a user may insist on, each with the words to do so. */
public enum Insistence {
    /** Write to an array that has a member missing. */
    DEGRADED("--allow-degraded"),
    /**
     * Use what is left although the disks that are missing could have gone on without it: it was written to when it was last seen, so it may
     * be the older half of a mirror.
     */
    LONE_HALF("--allow-older-half"),
    /** Write to a parity array that is dirty and has a member missing: old data in the stripes in flight may be lost (the write hole). */
    WRITE_HOLE("--accept-write-hole"),
    /** Write although the content of the disks speaks against the serials that were given. */
    SERIALS("--trust-serials");

    private final String option;

    Insistence(String option) {
        this.option = option;
    }

    /** The option of the command line. */
    public String option() {
        return option;
    }
}
