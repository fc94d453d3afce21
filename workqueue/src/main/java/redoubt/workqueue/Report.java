package redoubt.workqueue;

/** What a workqueue complains about. Whoever is told prints or counts it; nothing else follows from it. */
public sealed interface Report {

    /** A pool has work and has begun none of it for so many whole seconds. */
    record Stall(String pool, long stuckSeconds, WorkqueueView picture) implements Report {}

    /** A function kept a bound worker busy past the threshold, for the {@code times}th time. */
    record CpuHog(Class<?> function, long times) implements Report {}

    /** Somebody who may hold up memory reclaim waits for a queue that reclaim may hold up. */
    record FlushDependency(String waiter, String target) implements Report {}

    /** Somebody waits for all that anybody has queued on a queue that is there for everybody. Told once for each. */
    record SystemQueueFlush(String queue) implements Report {}

    /** An item waits for something that its queue did not declare. */
    record UndeclaredWait(String queue, String waitsFor) implements Report {}

    /** A drain has flushed so often, and the queue still is not empty: its items queue one another. */
    record SlowDrain(String queue, int flushes) implements Report {}

    /** An item was refused because the queue is being drained. */
    record RefusedWhileDraining(String queue) implements Report {}

    /** A queue was to be destroyed and still has items; its contexts are left to them. */
    record StillBusy(String queue, int active, int inactive) implements Report {}

    /** An item threw. */
    record ItemThrew(String queue, Throwable thrown) implements Report {}
}
