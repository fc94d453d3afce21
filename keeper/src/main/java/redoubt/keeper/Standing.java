package redoubt.keeper;

/** What a daemon's incarnation may do. It only ever goes down this list, and a step may be left out. */
public enum Standing {
    /** It may read the members through its doors, and everything in its tree; it may change nothing. */
    NEWCOMER("newcomer"),
    /** It keeps the metadata: its doors take writes into the metadata area, its tree takes stores. */
    CURRENT("current"),
    /** It missed its deadline, or left. Its doors pass nothing and its tree takes nothing, for good: its memory is stale. */
    FENCED("fenced");

    private final String word;

    Standing(String word) {
        this.word = word;
    }

    /** How attributes show it. */
    public String word() {
        return word;
    }
}
