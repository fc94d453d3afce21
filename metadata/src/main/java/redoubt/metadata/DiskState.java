package redoubt.metadata;

/** What a container says of a disk; several may hold at once. */
public enum DiskState {
    /** Waits to replace a member. */
    SPARE,
    /** A member of some volume. */
    CONFIGURED,
    /** Recorded as failed for good. */
    FAILED,
    /** Named by the metadata, but no physical disk stands for it. */
    MISSING,
    /** Holds a journal for other members. */
    JOURNAL
}
