package redoubt.workqueue;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Objects;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Something to be done, made once and queued as often as there is cause (Linux, Documentation/core-api/workqueue.rst).
 *
 * <p>An item that is pending is not queued a second time: {@link Workqueue#queue} answers false, and the run that is still to come sees
 * everything stored before that call. PENDING is cleared before the function runs, so an item may be queued again from within it, which
 * leads to exactly one further run. An item that is always queued on the same queue never runs twice at the same time.
 *
 * <p>Its life: idle; claimed (PENDING, for a moment in no list); on a timer, among a pool's arrivals, in a queue's inactive list, in a
 * pool's worklist or a worker's own list; running, and then perhaps pending again. Who claims it owns it until it is in a list; from there
 * a worker or a canceller takes it under the lock of the pool. A disabled item cannot be claimed.
 *
 * <p>All methods may be called from any thread; those that wait are for control threads, have a limit, and throw when it is over.
 */
public sealed class WorkItem permits DelayedWork, Barrier, Rescuer.Cursor {

    static final int PENDING = 1;
    private static final int DEPTH_ONE = 2;
    private static final int DEPTH_LIMIT = 0xffff;
    private static final VarHandle WORD;

    static {
        try {
            WORD = MethodHandles.lookup().findVarHandle(WorkItem.class, "word", int.class);
        } catch (ReflectiveOperationException impossible) {
            throw new ExceptionInInitializerError(impossible);
        }
    }

    private final Runnable function;
    private volatile int word; // A: PENDING, and above it how often it is disabled

    /** A: where it is queued, or was last; written by whoever set PENDING, before it is pushed. */
    volatile @Nullable PoolWorkqueue pwq;

    /** A: where it runs; set before PENDING is cleared, taken back after the function. */
    volatile @Nullable PoolWorkqueue running;

    /** The item below among the arrivals: owned by who set PENDING, then by who takes the stack. */
    @Nullable
    WorkItem below;

    @Nullable
    ItemList list; // P

    @Nullable
    WorkItem previous; // P

    @Nullable
    WorkItem next; // P

    boolean inactive; // P: holds no active slot
    boolean linked; // P: the next in the list is a barrier that goes where this one goes
    int colour; // P

    /** Makes an item that is not queued. */
    public WorkItem(Runnable function) {
        this.function = function;
    }

    /** Whether it waits to be run. */
    public final boolean pending() {
        return (word & PENDING) != 0;
    }

    /** Whether its function runs at this moment. */
    public final boolean isRunning() {
        return running != null;
    }

    /** How often it was disabled and not yet enabled. */
    public final int disableDepth() {
        return word / DEPTH_ONE;
    }

    /** Makes it pending for the caller, unless it is already, or disabled. */
    final boolean claim() {
        // What the caller stored must be visible before PENDING is found set: the run that clears it then sees it.
        VarHandle.fullFence();
        int seen = word;
        while (seen == 0) {
            if (WORD.compareAndSet(this, 0, PENDING)) {
                return true;
            }
            seen = word;
        }
        return false;
    }

    /** Gives PENDING back; the caller owns it. */
    final void unclaim() {
        WORD.getAndBitwiseAnd(this, ~PENDING);
        VarHandle.fullFence();
    }

    void run() {
        function.run();
    }

    /** The joint that it is queued at; set before it is in any list. */
    final PoolWorkqueue joint() {
        return Objects.requireNonNull(pwq);
    }

    /** Whose time is counted when it takes too long. */
    final Object function() {
        return function;
    }

    /**
     * Takes it back if it is pending; does not wait for a run that has begun.
     *
     * @return whether it was pending
     */
    public final boolean cancel() {
        boolean was = grab();
        unclaim();
        return was;
    }

    /**
     * Takes it back and waits for a run that has begun. Meanwhile nobody can queue it, so that an item that queues itself ends too.
     *
     * @return whether it was pending
     * @throws TimeoutException if the run was not over within the limit
     */
    public final boolean cancelAndWait(long limitNanos) throws InterruptedException, TimeoutException {
        refuseSelfWait();
        boolean was = disable();
        try {
            awaitRun(limitNanos);
        } finally {
            enable();
        }
        return was;
    }

    /**
     * Takes it back, and refuses to be queued until it was enabled as often as disabled.
     *
     * @return whether it was pending
     */
    public final boolean disable() {
        int seen;
        do {
            seen = word;
            if (seen / DEPTH_ONE >= DEPTH_LIMIT) {
                throw new IllegalStateException("an item is disabled " + DEPTH_LIMIT + " times and never enabled");
            }
        } while (!WORD.compareAndSet(this, seen, seen + DEPTH_ONE));
        return cancel();
    }

    /**
     * Disables it and waits for a run that has begun.
     *
     * @return whether it was pending
     * @throws TimeoutException if the run was not over within the limit; it is disabled all the same
     */
    public final boolean disableAndWait(long limitNanos) throws InterruptedException, TimeoutException {
        refuseSelfWait();
        boolean was = disable();
        awaitRun(limitNanos);
        return was;
    }

    /**
     * Takes one disabling back; does not queue it.
     *
     * @return whether it can be queued again
     */
    public final boolean enable() {
        int seen;
        do {
            seen = word;
            if (seen < DEPTH_ONE) {
                throw new IllegalStateException("an item is enabled that was not disabled");
            }
        } while (!WORD.compareAndSet(this, seen, seen - DEPTH_ONE));
        return seen / DEPTH_ONE == 1;
    }

    /**
     * Waits until the run that was pending, or else the one under way, is over. Consumes no active slot of the queue.
     *
     * @return whether there was anything to wait for
     * @throws TimeoutException if it was not over within the limit
     */
    public final boolean flush(long limitNanos) throws InterruptedException, TimeoutException {
        refuseSelfWait();
        while (true) {
            PoolWorkqueue at = pwq;
            if (at == null) {
                return false;
            }
            if (hasTimer()) {
                return false;
            }
            boolean wasPending = pending();
            Barrier barrier = at.pool.barrierFor(this, false);
            if (barrier != null) {
                FlushDependency.check(at.queue);
                barrier.await(at.queue.machine, limitNanos);
                return true;
            }
            if (!wasPending || !pending()) {
                return false;
            }
            Thread.onSpinWait(); // claimed by somebody who has not pushed it yet, or moved to another pool
        }
    }

    /** Whether it waits for its time; only {@link DelayedWork} does. */
    boolean hasTimer() {
        return false;
    }

    /** Takes it off its timer; the caller then owns PENDING. */
    boolean takeOffTimer() {
        return false;
    }

    /**
     * Makes PENDING the caller's, whatever it takes.
     *
     * @return whether it was pending
     */
    final boolean grab() {
        while (true) {
            int seen = word;
            if ((seen & PENDING) == 0) {
                if (WORD.compareAndSet(this, seen, seen | PENDING)) {
                    return false;
                }
            } else {
                PoolWorkqueue at = pwq;
                if (takeOffTimer() || (at != null && at.pool.steal(this))) {
                    return true;
                }
                Thread.onSpinWait(); // in transition: claimed by somebody who has not pushed it yet
            }
        }
    }

    private void awaitRun(long limitNanos) throws InterruptedException, TimeoutException {
        PoolWorkqueue at = running;
        if (at != null) {
            Barrier barrier = at.pool.barrierFor(this, true);
            if (barrier != null) {
                barrier.await(at.queue.machine, limitNanos);
            }
        }
    }

    private void refuseSelfWait() {
        PoolWorker worker = Current.get().worker;
        if (worker != null && worker.current == this) {
            throw new IllegalStateException("an item waits for its own end");
        }
    }
}
