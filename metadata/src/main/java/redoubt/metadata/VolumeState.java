package redoubt.metadata;

/** The state that the metadata records for a volume, or that its slots add up to. */
public enum VolumeState {
    /** All members in sync. */
    NORMAL,
    /** All members there, redundancy never made. */
    UNINITIALIZED,
    /** Fewer members than slots, all data there. */
    DEGRADED,
    /** More members gone than the level survives. */
    FAILED
}
