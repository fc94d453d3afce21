package redoubt.workqueue;

import org.jspecify.annotations.Nullable;

/**
 * What the calling thread is just now: a worker inside an item, a thread that reclaims memory, or neither. One object for each thread,
 * made when it first asks.
 */
final class Current {

    private static final ThreadLocal<Current> OF_THREAD = ThreadLocal.withInitial(Current::new);

    /** The worker whose item runs on this thread. */
    @Nullable
    PoolWorker worker;

    /** How often {@link ReclaimScope} was entered and not left. */
    int reclaiming;

    static Current get() {
        return OF_THREAD.get();
    }

    /** The queue whose item runs on this thread. */
    @Nullable
    Workqueue queue() {
        PoolWorker current = worker;
        PoolWorkqueue joint = current == null ? null : current.currentPwq;
        return joint == null ? null : joint.queue;
    }
}
