package redoubt.workqueue;

/** What a queue can be asked to be; the names are the kernel's. */
public enum WorkqueueFlag {
    /** Every item gets a worker as soon as it can; not tied to the asker's processor. */
    UNBOUND,
    /** Nothing new is begun while the queues are frozen. */
    FREEZABLE,
    /** Has a rescuer, made with it: its items are run although no worker can be made. */
    MEM_RECLAIM,
    /** Its items have workers of their own and do not stand behind others'. */
    HIGHPRI,
    /** Its items take long without blocking, and do not keep others of a bound pool from running. */
    CPU_INTENSIVE,
    /** Bound, or unbound where {@link Workqueues} were told to save power. */
    POWER_EFFICIENT,
    /** Tied to the asker's processor; what a queue is that is not UNBOUND. */
    PERCPU,
    /** One item at a time, in the order of queueing. Only with UNBOUND. */
    ORDERED,
    /** Made the old way: its items may wait for queues without a rescuer, and nobody is told. */
    LEGACY
}
