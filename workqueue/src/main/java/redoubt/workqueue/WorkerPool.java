package redoubt.workqueue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A worklist and the workers that take from it. Three kinds: bound to a processor, where about one worker runs at a time and another is
 * woken only when that one blocks; unbound, where every item gets a worker as soon as it can; and a queue's own, whose one worker is made
 * with it and which never makes another.
 *
 * <p>A worker never starts an item unless another one is idle or somebody is managing ({@link Manager}), so that there is always somebody
 * left to notice that help is needed. Idle workers are woken last in, first out; those that were idle for {@link #IDLE_TIMEOUT_NANOS} and are
 * too many are let go.
 *
 * <p>Everything here is P but {@link #arrivals}. Java binds no thread to a processor: "bound" is about how many run, not where.
 */
final class WorkerPool {

    static final long IDLE_TIMEOUT_NANOS = 300_000_000_000L;
    static final int NICE_HIGH = -20;
    private static final int MAX_IDLE_RATIO = 4;
    private static final int TABLE = 64;
    private static final int ROUNDS_FOR_OTHERS = 32;

    /** Tests have every list walked at every unlocking. */
    static volatile boolean walkLists; // V

    final String name;
    final int processor; // -1: unbound
    final int nice;
    final Machine machine;
    final boolean own; // a queue's own: one worker, made with it
    final Manager manager;

    private final ShortLock lock = new ShortLock();
    private final AtomicReference<@Nullable WorkItem> arrivals = new AtomicReference<>(); // A: newest first
    final ItemList worklist = new ItemList(); // P
    private final List<PoolWorker> workers = new ArrayList<>(); // P
    private final @Nullable PoolWorker[] executing = new @Nullable PoolWorker[TABLE]; // P: chains by item
    private @Nullable PoolWorker firstIdle; // P: the one that became idle last
    private @Nullable PoolWorker lastIdle; // P
    private int idle; // P
    private int running; // P: bound workers that run an item and do not block
    private int made; // P: for names
    private boolean closed; // P
    private boolean kickDue; // P: something arrived, and nobody was woken for it yet
    private long progressNanos; // P: when a batch was begun, or work came where there was none
    private final List<Runnable> deferred = new ArrayList<>(); // P: what to do when the lock is free
    private final List<PoolWorkqueue> holdingBack =
            new ArrayList<>(); // P: joints with inactive items, while lists are walked

    WorkerPool(String name, int processor, int nice, boolean own, Machine machine) {
        this.name = name;
        this.processor = processor;
        this.nice = nice;
        this.own = own;
        this.machine = machine;
        this.manager = new Manager(this);
        this.progressNanos = machine.clock().nanos();
    }

    // the lock

    void lock() {
        lock.acquire();
        takeArrivals();
    }

    /**
     * Lets go, does what was deferred, and takes over what arrived while the lock was held: but not for ever, when many push. What is then
     * left is taken by the next who pushes, by the next worker, or at the latest by the next beat.
     */
    void unlock() {
        for (int round = 0; ; round++) {
            if (kickDue) {
                kick();
            }
            assert isSound();
            if (deferred.isEmpty()) {
                lock.release();
            } else {
                releaseAndDoDeferred();
            }
            // In a queue's own pool the worker was woken by who pushed, and looks.
            if (own || arrivals.get() == null || round >= ROUNDS_FOR_OTHERS || !lock.tryAcquire()) {
                return;
            }
            takeArrivals();
        }
    }

    private void releaseAndDoDeferred() {
        Runnable[] todo = deferred.toArray(new Runnable[0]);
        deferred.clear();
        lock.release();
        for (Runnable one : todo) {
            one.run();
        }
    }

    /** What needs another lock is done when this one is free. P. */
    void defer(Runnable action) {
        assert lock.isHeld();
        deferred.add(action);
    }

    // arrivals

    /** Takes an item whose PENDING the caller owns and whose joint is set. Waits for no lock. */
    void arrive(WorkItem item) {
        WorkItem top;
        do {
            top = arrivals.get();
            item.below = top;
        } while (!arrivals.compareAndSet(top, item));
        if (own) {
            PoolWorker worker = onlyWorker;
            if (worker != null) {
                worker.wake();
            }
        } else if (lock.tryAcquire()) {
            takeArrivals();
            unlock();
        }
    }

    private volatile @Nullable PoolWorker onlyWorker; // V: of a queue's own pool

    private void takeArrivals() {
        if (arrivals.get() == null) {
            return;
        }
        kickDue = true;
        WorkItem newest = arrivals.getAndSet(null);
        WorkItem oldest = null;
        while (newest != null) {
            WorkItem below = newest.below;
            newest.below = oldest;
            oldest = newest;
            newest = below;
        }
        while (oldest != null) {
            WorkItem item = oldest;
            oldest = item.below;
            item.below = null;
            item.joint().insert(item);
        }
    }

    // the worklist

    void append(WorkItem item) {
        if (worklist.isEmpty()) {
            progressNanos = machine.clock().nanos();
        }
        worklist.append(item);
    }

    void moveToWorklist(ItemList from, WorkItem item) {
        if (worklist.isEmpty()) {
            progressNanos = machine.clock().nanos();
        }
        from.moveLinked(item, worklist);
    }

    /** The oldest item; a rescuer's cursor that lies before it is taken out. P. */
    @Nullable
    WorkItem firstWork() {
        WorkItem first = worklist.first();
        while (first instanceof Rescuer.Cursor) {
            worklist.remove(first);
            first = worklist.first();
        }
        return first;
    }

    /**
     * Gives an item, and the barriers linked to it, to a worker; if another worker runs this very item, to that one. P.
     *
     * @return whether the worker got it
     */
    boolean assign(WorkItem item, PoolWorker worker) {
        PoolWorker collision = executing(item);
        worklist.moveLinked(item, collision == null ? worker.scheduled : collision.scheduled);
        return collision == null;
    }

    /** A batch is begun. P. */
    void progress(long nowNanos) {
        progressNanos = nowNanos;
    }

    /** Since when no batch was begun, if there is work; or {@code nowNanos}. */
    long stuckSince(long nowNanos) {
        lock();
        long since = worklist.isEmpty() ? nowNanos : progressNanos;
        unlock();
        return since;
    }

    // who runs what

    void begins(PoolWorker worker, WorkItem item) {
        int at = slot(item);
        worker.nextExecuting = executing[at];
        executing[at] = worker;
    }

    void ends(PoolWorker worker, WorkItem item) {
        int at = slot(item);
        PoolWorker before = null;
        for (PoolWorker one = executing[at]; one != null && one != worker; one = one.nextExecuting) {
            before = one;
        }
        if (before == null) {
            executing[at] = worker.nextExecuting;
        } else {
            before.nextExecuting = worker.nextExecuting;
        }
        worker.nextExecuting = null;
    }

    /** The worker that runs this item with the function it has now. P. */
    @Nullable
    PoolWorker executing(WorkItem item) {
        for (PoolWorker one = executing[slot(item)]; one != null; one = one.nextExecuting) {
            if (one.current == item && one.currentFunction == item.function()) {
                return one;
            }
        }
        return null;
    }

    private static int slot(WorkItem item) {
        return System.identityHashCode(item) & (TABLE - 1);
    }

    // barriers and cancelling

    /**
     * Puts a barrier behind an item.
     *
     * @param runOnly only behind a run under way
     * @return null if the item is neither here nor running
     */
    @Nullable
    Barrier barrierFor(WorkItem item, boolean runOnly) {
        Barrier barrier = new Barrier();
        lock();
        PoolWorkqueue at = item.pwq;
        PoolWorker worker = null;
        boolean placed = false;
        if (!runOnly && at != null && at.pool == this && item.list != null) {
            at.insertBarrier(barrier, item, null);
            placed = true;
        } else {
            worker = executing(item);
            PoolWorkqueue runs = worker == null ? null : worker.currentPwq;
            if (runs != null) {
                runs.insertBarrier(barrier, item, worker);
                placed = true;
            }
        }
        unlock();
        return placed ? barrier : null;
    }

    /** Takes an item out of whatever list it is in here; the caller then owns PENDING. */
    boolean steal(WorkItem item) {
        lock();
        PoolWorkqueue at = item.pwq;
        ItemList in = item.list;
        boolean mine = at != null && at.pool == this && in != null;
        if (mine && at != null && in != null) {
            WorkItem following = item.linked ? item.next : null;
            in.remove(item);
            item.linked = false;
            if (item.inactive && following != null) {
                moveToWorklist(in, following); // who waits for it must still be told
                kick();
            }
            at.finished(item.colour, item.inactive);
            kick();
        }
        unlock();
        return mine;
    }

    // how many workers

    boolean needMoreWorker() {
        return !worklist.isEmpty() && running == 0;
    }

    boolean needToCreateWorker() {
        return needMoreWorker() && idle == 0;
    }

    boolean keepWorking() {
        return !worklist.isEmpty() && running <= 1;
    }

    private boolean tooManyWorkers() {
        int resting = idle + (manager.isActive() ? 1 : 0);
        int busy = workers.size() - resting;
        return resting > 2 && (resting - 2) * MAX_IDLE_RATIO >= busy;
    }

    boolean isBound() {
        return processor >= 0;
    }

    int idle() {
        return idle;
    }

    int running() {
        return running;
    }

    int workers() {
        return workers.size();
    }

    void countRunning(int by) {
        running += by;
        assert running >= 0 : "more workers stopped running than ran";
    }

    /** Wakes the worker that became idle last, if one is needed. P. */
    void kick() {
        kickDue = false;
        PoolWorker worker = firstIdle;
        if (worker != null && needMoreWorker()) {
            worker.kicked = true;
            worker.wake();
        }
    }

    // idle workers

    void enterIdle(PoolWorker worker) {
        assert !worker.idle;
        worker.idle = true;
        worker.kicked = false;
        worker.idleSinceNanos = machine.clock().nanos();
        worker.nextIdle = firstIdle;
        worker.previousIdle = null;
        if (firstIdle == null) {
            lastIdle = worker;
        } else {
            firstIdle.previousIdle = worker;
        }
        firstIdle = worker;
        idle++;
    }

    void leaveIdle(PoolWorker worker) {
        assert worker.idle;
        PoolWorker before = worker.previousIdle;
        PoolWorker after = worker.nextIdle;
        if (before == null) {
            firstIdle = after;
        } else {
            before.nextIdle = after;
        }
        if (after == null) {
            lastIdle = before;
        } else {
            after.previousIdle = before;
        }
        worker.previousIdle = null;
        worker.nextIdle = null;
        worker.idle = false;
        worker.kicked = false;
        idle--;
    }

    /** Whether a worker that looks by itself may begin: the one that was woken, or the one whose turn it is. */
    boolean mayLeaveIdle(PoolWorker worker) {
        return needMoreWorker() && (worker.kicked || firstIdle == worker);
    }

    /**
     * Makes a worker; it is idle, and woken. Blocks as long as the factory does. No lock is held.
     *
     * @throws OutOfMemoryError if there is no thread to give
     */
    void createWorker() {
        int number;
        lock();
        number = made++;
        unlock();
        PoolWorker worker = new PoolWorker(this, false);
        worker.attach(machine.workers().start(own ? name : name + ":" + number, worker::step));
        lock();
        if (closed) {
            worker.dismiss();
        } else {
            workers.add(worker);
            enterIdle(worker);
            if (own) {
                onlyWorker = worker;
            }
        }
        worker.wake();
        unlock();
    }

    /** Whether the one that was idle longest should go. */
    boolean shouldCull(long nowNanos) {
        lock();
        PoolWorker oldest = lastIdle;
        boolean should = oldest != null && isSurplus(oldest, nowNanos);
        unlock();
        return should;
    }

    private boolean isSurplus(PoolWorker worker, long nowNanos) {
        return tooManyWorkers() && !worker.kicked && nowNanos - worker.idleSinceNanos >= IDLE_TIMEOUT_NANOS;
    }

    /** Lets those go that were idle too long and are too many. */
    void cull() {
        long now = machine.clock().nanos();
        lock();
        while (lastIdle != null && isSurplus(lastIdle, now)) {
            PoolWorker worker = lastIdle;
            leaveIdle(worker);
            workers.remove(worker);
            worker.dismiss();
            assert idle >= 2 : "INV-4d: culling left fewer than two idle";
        }
        unlock();
    }

    /** Marks bound workers that have been at one item too long without blocking, so that another may run beside them. */
    void findCpuHogs(long nowNanos, CpuHogs hogs) {
        if (!isBound() || hogs.thresholdNanos() == 0) {
            return;
        }
        lock();
        for (PoolWorker worker : workers) {
            if (worker.isHog(nowNanos, hogs.thresholdNanos())) {
                worker.becomeCpuIntensive();
                Object function = worker.currentFunction;
                if (function != null) {
                    defer(() -> hogs.seen(function));
                }
                kick();
            }
        }
        unlock();
    }

    WorkqueueView.PoolView view(long nowNanos) {
        lock();
        WorkqueueView.PoolView view = new WorkqueueView.PoolView(
                name,
                processor,
                nice,
                workers.size(),
                idle,
                running,
                worklist.size(),
                manager.isActive(),
                manager.maydays(),
                manager.failures(),
                worklist.isEmpty() ? 0 : nowNanos - progressNanos);
        unlock();
        return view;
    }

    /** Ends all workers after the items they are at. */
    void close() {
        lock();
        closed = true;
        for (PoolWorker worker : workers) {
            worker.dismiss();
        }
        unlock();
    }

    /** A joint has an inactive item; for assertions. P. */
    boolean holdsBack(PoolWorkqueue pwq) {
        if (walkLists && !holdingBack.contains(pwq)) {
            holdingBack.add(pwq);
        }
        return true;
    }

    /** What must hold whenever the lock is let go; it is, also when that does not hold, so that who is told can still close the pool. */
    private boolean isSound() {
        assert lock.isHeld();
        try {
            return areListsSound();
        } catch (AssertionError torn) {
            lock.release();
            throw torn;
        }
    }

    private boolean areListsSound() {
        assert idle >= 0 && idle <= workers.size() : "idle " + idle + " of " + workers.size();
        assert running <= workers.size();
        if (walkLists) {
            assert worklist.isSound() : "INV-1: the worklist of " + name + " is torn";
            int counted = 0;
            PoolWorker before = null;
            for (PoolWorker one = firstIdle; one != null; one = one.nextIdle) {
                assert one.idle && one.previousIdle == before;
                assert before == null || one.idleSinceNanos - before.idleSinceNanos <= 0
                        : "INV-4d: not last in, first out";
                before = one;
                counted++;
            }
            assert counted == idle && before == lastIdle;
            int comeBack = 0;
            for (PoolWorker one : workers) {
                assert one.scheduled.isSound() : "INV-1: the list of a worker of " + name + " is torn";
                comeBack += one.hasComeBack() ? 1 : 0;
            }
            assert running <= 1 + comeBack
                    : "INV-4c: " + running + " run at once, and only " + comeBack + " of them have blocked";
            for (WorkItem item = worklist.first(); item != null; item = item.next) {
                assert item instanceof Rescuer.Cursor || item.pending() : "INV-1: an item in a list is not pending";
                assert !isOnTimer(item) : "INV-1: an item is in a list and on a timer";
            }
            holdingBack.removeIf(pwq -> pwq.inactive.isEmpty());
            for (PoolWorkqueue pwq : holdingBack) {
                assert pwq.inactive.isSound() : "INV-1: the inactive list of " + pwq.queue.name() + " is torn";
                for (WorkItem item = pwq.inactive.first(); item != null; item = item.next) {
                    assert item.pending() : "INV-1: an inactive item is not pending";
                    assert item.inactive : "INV-6, INV-7a: an item in an inactive list holds a slot";
                    assert item.pwq == pwq : "INV-1: an item is inactive somewhere else";
                    assert !isOnTimer(item) : "INV-1: an item is inactive and on a timer";
                }
            }
        }
        return true;
    }

    /** Of an item in a list: whoever put it there owned PENDING, and so its timer. */
    private static boolean isOnTimer(WorkItem item) {
        return item instanceof DelayedWork delayed && delayed.ticking;
    }
}
