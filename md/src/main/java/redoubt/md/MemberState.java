package redoubt.md;

/** How a slot stands, in the words of {@code dev-*}{@code /state} (Linux, Documentation/admin-guide/md.rst). */
public enum MemberState {
    /** Holds the array's content; read and written. */
    IN_SYNC("in_sync"),
    /** Failed, and the survivors' metadata does not say so yet: nothing is acknowledged on its account. */
    FAULTY_BLOCKED("faulty,blocked"),
    /** Failed, and recorded. */
    FAULTY("faulty"),
    /** Present, not (wholly) in sync: a spare, or a rebuild that was interrupted. Neither read nor written. */
    SPARE("spare"),
    /** Nobody is there. */
    MISSING("missing");

    private final String word;

    MemberState(String word) {
        this.word = word;
    }

    /** The kernel's words, comma between. */
    public String word() {
        return word;
    }
}
