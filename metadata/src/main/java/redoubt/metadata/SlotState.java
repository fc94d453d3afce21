package redoubt.metadata;

/** What a slot's member is worth. */
public enum SlotState {
    /** Present, and holds all its data. */
    IN_SYNC,
    /** Present, and holds its data only below {@link SlotPicture#recoveredSectors()}. */
    REBUILDING,
    /** Present or not, recorded as failed. Never read. */
    FAILED,
    /** Not recorded as failed, but no physical disk stands for it. */
    MISSING
}
