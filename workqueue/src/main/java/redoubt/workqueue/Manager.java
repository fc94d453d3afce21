package redoubt.workqueue;

import org.jspecify.annotations.Nullable;

/**
 * Makes workers for a pool, one at a time. The worker that would leave nobody idle behind it becomes the manager, does no items meanwhile,
 * and tries until there is a worker or none is needed any more: a try that fails is followed by a pause of {@link #COOLDOWN_NANOS}; a try
 * that hangs, hangs. After {@link #MAYDAY_INITIAL_NANOS}, and then each {@link #MAYDAY_INTERVAL_NANOS}, the beat calls the rescuers of all
 * queues that have an item in the worklist.
 */
final class Manager {

    static final long MAYDAY_INITIAL_NANOS = 10_000_000L;
    static final long MAYDAY_INTERVAL_NANOS = 100_000_000L;
    static final long COOLDOWN_NANOS = 1_000_000_000L;

    private final WorkerPool pool;
    private volatile @Nullable PoolWorker active; // P, read by all
    private volatile boolean armed; // V: the timer of the call for help
    private volatile long maydayNanos; // V
    private volatile boolean cooling; // V: written by the manager
    private volatile long coolUntilNanos; // V
    private long maydays; // P
    private long failures; // P

    Manager(WorkerPool pool) {
        this.pool = pool;
    }

    /** Whether somebody is making workers. */
    boolean isActive() {
        return active != null;
    }

    boolean is(PoolWorker worker) {
        return active == worker;
    }

    /** Makes a worker the manager, unless there is one. P. */
    boolean begin(PoolWorker worker) {
        if (active != null) {
            return false;
        }
        active = worker;
        cooling = false;
        arm();
        return true;
    }

    private void arm() {
        maydayNanos = pool.machine.clock().nanos() + MAYDAY_INITIAL_NANOS;
        armed = true;
    }

    /**
     * Goes on making a worker. Called by the manager, without the lock.
     *
     * @return whether it is done, and the lock is held; otherwise it pauses
     */
    boolean goOn() {
        while (true) {
            if (!cooling || coolIsOver()) {
                cooling = false;
                if (tryOnce()) {
                    armed = false;
                    pool.lock();
                    if (!pool.needToCreateWorker()) {
                        active = null;
                        return true;
                    }
                    pool.unlock();
                    arm();
                    continue;
                }
            }
            return false;
        }
    }

    private boolean coolIsOver() {
        return pool.machine.clock().nanos() - coolUntilNanos >= 0;
    }

    /** Whether there is a worker, or none is needed any more. */
    private boolean tryOnce() {
        if (!stillNeeded()) {
            return true;
        }
        try {
            pool.createWorker();
            return true;
        } catch (RuntimeException | Error refused) {
            // Whatever the reason is: the next try comes after the pause, and the rescuers have been called meanwhile.
            pool.lock();
            failures++;
            boolean needed = pool.needToCreateWorker();
            pool.unlock();
            if (!needed) {
                return true;
            }
            coolUntilNanos = pool.machine.clock().nanos() + COOLDOWN_NANOS;
            cooling = true;
            return false;
        }
    }

    private boolean stillNeeded() {
        pool.lock();
        boolean needed = pool.needToCreateWorker();
        pool.unlock();
        return needed;
    }

    /** The timers of the manager. */
    void beat(long nowNanos) {
        if (armed && nowNanos - maydayNanos >= 0) {
            callForHelp();
            maydayNanos = nowNanos + MAYDAY_INTERVAL_NANOS;
        }
        PoolWorker managing = active;
        if (managing != null && cooling && nowNanos - coolUntilNanos >= 0) {
            managing.wake();
        }
    }

    /** Calls the rescuer of every queue with an item in the worklist. Items that are not active are not there, and call nobody. */
    void callForHelp() {
        pool.lock();
        maydays++;
        if (pool.needToCreateWorker()) {
            for (WorkItem item = pool.worklist.first(); item != null; item = item.next) {
                PoolWorkqueue pwq = item instanceof Rescuer.Cursor ? null : item.pwq;
                Rescuer rescuer = pwq == null ? null : pwq.queue.rescuer();
                if (pwq != null && rescuer != null) {
                    assert pwq.active > 0 || item.inactive : "INV-5e: help is called for an item that is not active";
                    rescuer.call(pwq);
                }
            }
        }
        pool.unlock();
    }

    /** How often the timer of the call for help went off. */
    long maydays() {
        return maydays;
    }

    /** How often a worker could not be made. */
    long failures() {
        return failures;
    }
}
