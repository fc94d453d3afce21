package redoubt.metadata;

/** How a redundant volume becomes consistent again after an unclean stop; the words are md's. */
public enum ConsistencyPolicy {
    /** No redundancy, nothing to make consistent. */
    NONE("none"),
    /** All of it is gone through again. */
    RESYNC("resync"),
    /** What a write-intent bitmap marks is gone through again. */
    BITMAP("bitmap"),
    /** A partial parity log on the members closes the write hole. */
    PPL("ppl"),
    /** A journal on a disk of its own closes the write hole. */
    JOURNAL("journal");

    private final String word;

    ConsistencyPolicy(String word) {
        this.word = word;
    }

    /** md's word. */
    public String word() {
        return word;
    }
}
