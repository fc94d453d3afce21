package redoubt.workqueue;

import org.jspecify.annotations.Nullable;
import redoubt.base.Worker;

/**
 * One context of a pool, and the hands of a rescuer. Its step is: leave idle if it was woken for something; make sure that somebody else is
 * idle, or become the manager; take the oldest item with its barriers and run it; go on while the pool wants it, else be idle again.
 *
 * <p>While it is not {@link #working} it does not count as running; nor does a rescuer, a worker of an unbound pool, one that blocks, and
 * one that has been at an item too long.
 */
final class PoolWorker {

    private WorkerPool pool; // W: of a rescuer, the one it helps just now
    private final boolean rescuer;
    private volatile @Nullable Worker thread; // V: absent until it is attached

    final ItemList scheduled = new ItemList(); // P: what it has taken and not begun

    @Nullable
    WorkItem current; // P

    @Nullable
    Object currentFunction; // P

    @Nullable
    PoolWorkqueue currentPwq; // P, read by the worker itself

    int currentColour; // P
    private long currentSinceNanos; // P
    private boolean working; // P
    private boolean cpuIntensive; // P
    private boolean blocked; // P
    private boolean comeBack; // P: did not count for a while, and has taken nothing from the worklist since
    private volatile boolean dismissed; // P, read by all
    private @Nullable Throwable fault; // W: what an item threw

    boolean idle; // P
    boolean kicked; // P: was woken, and has not looked yet
    long idleSinceNanos; // P

    @Nullable
    PoolWorker nextIdle; // P

    @Nullable
    PoolWorker previousIdle; // P

    @Nullable
    PoolWorker nextExecuting; // P

    PoolWorker(WorkerPool pool, boolean rescuer) {
        this.pool = pool;
        this.rescuer = rescuer;
    }

    void attach(Worker worker) {
        thread = worker;
    }

    void wake() {
        Worker worker = thread;
        if (worker != null) {
            worker.wake();
        }
    }

    /** It ends after the item it is at. P. */
    void dismiss() {
        dismissed = true;
        Worker worker = thread;
        if (worker != null) {
            worker.close();
        }
    }

    /** One step; see the class. Returns whether it did anything. */
    boolean step() {
        if (dismissed) {
            return false;
        }
        if (pool.manager.is(this)) {
            if (!pool.manager.goOn()) {
                return false;
            }
        } else {
            pool.lock();
            if (idle) {
                if (!pool.mayLeaveIdle(this)) {
                    kicked = false;
                    pool.unlock();
                    return false;
                }
                pool.leaveIdle(this);
            } else if (!working) {
                pool.unlock(); // made, but not yet taken in
                return false;
            }
        }
        if (!working) {
            while (true) {
                if (!pool.needMoreWorker()) {
                    pool.enterIdle(this);
                    pool.unlock();
                    return false;
                }
                if (pool.own || pool.idle() > 0 || !pool.manager.begin(this)) {
                    break;
                }
                pool.unlock();
                if (!pool.manager.goOn()) {
                    return false;
                }
            }
            assert pool.own || pool.idle() > 0 || pool.manager.isActive() : "INV-4b: nobody is left to notice";
            working = true;
            pool.countRunning(isCounted() ? 1 : 0);
        }
        comeBack = false;
        WorkItem item = pool.firstWork();
        if (item != null && pool.assign(item, this)) {
            runScheduled();
        }
        if (!pool.keepWorking()) {
            pool.countRunning(isCounted() ? -1 : 0);
            working = false;
            pool.enterIdle(this);
        }
        pool.unlock();
        throwFault();
        return item != null;
    }

    /** The rescuer's hands go to another pool. */
    void help(WorkerPool other) {
        pool = other;
    }

    /** Runs everything it has taken, also what is added meanwhile. P, but not while a function runs. */
    void runScheduled() {
        pool.progress(pool.machine.clock().nanos());
        WorkItem item;
        while ((item = scheduled.first()) != null) {
            runOne(item);
        }
    }

    private void runOne(WorkItem item) {
        PoolWorkqueue pwq = item.joint();
        assert pwq.pool == pool : "an item runs in the pool it was queued on";
        boolean wasInactive = item.inactive;
        scheduled.remove(item);
        item.linked = false;
        current = item;
        currentFunction = item.function();
        currentPwq = pwq;
        currentColour = item.colour;
        currentSinceNanos = pool.machine.clock().nanos();
        pool.begins(this, item);
        if (pwq.queue.isCpuIntensive()) {
            becomeCpuIntensive();
        }
        pool.kick();
        item.running = pwq; // before PENDING is cleared: who then claims it queues it here again
        item.unclaim();
        pool.unlock();

        Current thread = Current.get();
        PoolWorker before = thread.worker;
        thread.worker = this;
        try {
            item.run();
        } catch (RuntimeException | Error thrown) {
            fault = thrown;
        } finally {
            thread.worker = before;
        }

        pool.lock();
        if (cpuIntensive) {
            cpuIntensive = false;
            comeBack = true;
            pool.countRunning(isCounted() ? 1 : 0);
        }
        pool.ends(this, item);
        if (item.running == pwq) {
            item.running = null;
        }
        int colour = currentColour;
        current = null;
        currentFunction = null;
        currentPwq = null;
        pwq.finished(colour, wasInactive);
    }

    /** Has the thread see what an item threw, when everything here is in order again. */
    void throwFault() {
        Throwable thrown = fault;
        if (thrown == null) {
            return;
        }
        fault = null;
        wake(); // the step does not say that there is more
        if (thrown instanceof Error error) {
            throw error;
        }
        throw (RuntimeException) thrown;
    }

    /** Whether it counts among those that run. P. */
    private boolean isCounted() {
        return !rescuer && pool.isBound() && working && !cpuIntensive && !blocked;
    }

    /** The item is about to block: another worker may run meanwhile. */
    void blocks() {
        pool.lock();
        pool.countRunning(isCounted() ? -1 : 0);
        blocked = true;
        pool.kick();
        pool.unlock();
    }

    /** The item goes on. */
    void goesOn() {
        pool.lock();
        blocked = false;
        comeBack = true;
        currentSinceNanos = pool.machine.clock().nanos();
        pool.countRunning(isCounted() ? 1 : 0);
        pool.unlock();
    }

    /** Whether it counts among those that run, and did not for a while of what it runs. P. */
    boolean hasComeBack() {
        return comeBack && isCounted();
    }

    boolean isBlocked() {
        return blocked;
    }

    boolean isHog(long nowNanos, long thresholdNanos) {
        return current != null && isCounted() && nowNanos - currentSinceNanos > thresholdNanos;
    }

    void becomeCpuIntensive() {
        if (!cpuIntensive) {
            pool.countRunning(isCounted() ? -1 : 0);
            cpuIntensive = true;
        }
    }

    int processor() {
        return pool.processor;
    }
}
