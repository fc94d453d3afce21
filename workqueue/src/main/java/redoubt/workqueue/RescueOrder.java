package redoubt.workqueue;

/** How a rescuer takes the items of a pool that has called it. */
public enum RescueOrder {
    /** One at a time; a regular worker that comes may take the rest. Linux since 2025. */
    ONE_BY_ONE,
    /** All that are in the worklist, at once; no regular worker can take them over. Linux before. */
    ALL_AT_ONCE
}
