package redoubt.workqueue;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import redoubt.base.Clock;
import redoubt.base.Parking;
import redoubt.base.WorkerFactory;

/**
 * Takes work items and has them run: by the workers of pools that queues share ({@link Workqueues#create}), or by one worker of its own
 * ({@link #orderedMemReclaim}).
 *
 * <p>{@link #queue} may be called from anywhere, also where nothing may wait: it allocates nothing and waits for no lock. Everything that
 * waits is for control threads and has a limit; an item that waits for its own queue is refused, since it would wait for itself.
 *
 * <p>A queue with {@link WorkqueueFlag#MEM_RECLAIM} has a context of its own from the start, so its items are run whatever the state of
 * the machine. It is <em>one</em> context: an item of such a queue may not wait for another item of it.
 *
 * <p>An array's ordered queue has a pool of its own, with one worker that is worker and rescuer in one: its items never wait for a thread to
 * be made, and need no heartbeat to be rescued. Who queues there only pushes and wakes; the lock of the pool is taken by the worker and by
 * control threads, never by an asker.
 *
 * <p>{@link #places} and {@link #joints} change under the lock of the flusher (F) and are read by all (V).
 */
public final class Workqueue implements AutoCloseable {

    private static final int DRAIN_TOLD_FIRST = 10;
    private static final int DRAIN_TOLD_EACH = 100;
    private static final int DRAIN_TOLD_LAST = 1000;

    final Machine machine;
    final Flusher flusher = new Flusher(this);
    final AtomicBoolean toldOfDependency = new AtomicBoolean(); // A
    private final AtomicBoolean toldOfSystemFlush = new AtomicBoolean(); // A
    private final WorkqueuePlan plan;
    private final @Nullable Workqueues house; // absent for a queue with a pool of its own
    private final @Nullable WorkerPool own; // its own pool, if it has one
    private final boolean unbound;
    private final boolean ordered;
    private final List<PoolWorkqueue> joints = new CopyOnWriteArrayList<>(); // V: also the retired ones
    private volatile PoolWorkqueue[] places; // V: by processor, or by node if unbound
    private final List<ActiveLimit> limits; // one for each place
    private @Nullable Rescuer rescuer; // set once, before the queue is given to anybody
    private final AtomicInteger draining = new AtomicInteger(); // A: how many drains
    private volatile boolean closed;
    private volatile boolean frozen;
    private volatile int maxActive; // V: written under this
    private volatile int minActive; // V: written under this

    /** A queue with a pool of its own. */
    private Workqueue(WorkqueuePlan plan, Machine machine) {
        this.plan = plan;
        this.machine = machine;
        house = null;
        unbound = true;
        ordered = true;
        maxActive = 1;
        minActive = 1;
        WorkerPool pool = new WorkerPool(plan.name(), -1, 0, true, machine);
        own = pool;
        ActiveLimit limit = new ActiveLimit(1, 1, 1);
        limits = List.of(limit);
        PoolWorkqueue only = new PoolWorkqueue(this, pool, limit, 0, false);
        joints.add(only);
        places = new PoolWorkqueue[] {only};
        pool.createWorker();
    }

    /** A queue that shares the pools of a house. */
    Workqueue(WorkqueuePlan plan, Machine machine, Workqueues house) {
        this.plan = plan;
        this.machine = machine;
        this.house = house;
        own = null;
        unbound = house.isUnbound(plan);
        ordered = plan.has(WorkqueueFlag.ORDERED);
        maxActive = plan.maxActive();
        minActive = plan.minActive();
        int count = ordered ? 1 : house.places(unbound);
        PoolWorkqueue[] made = new PoolWorkqueue[count];
        ActiveLimit[] perPlace = new ActiveLimit[count];
        for (int place = 0; place < count; place++) {
            WorkerPool pool = house.pool(unbound, place, plan.has(WorkqueueFlag.HIGHPRI));
            perPlace[place] = new ActiveLimit(0, house.processorsOf(place), count);
            made[place] = new PoolWorkqueue(this, pool, perPlace[place], 0, false);
            joints.add(made[place]);
        }
        limits = List.of(perPlace);
        places = made;
        applyLimits();
        if (plan.has(WorkqueueFlag.MEM_RECLAIM)) {
            Rescuer made2 = new Rescuer(plan.name(), plan.rescueOrder(), machine);
            rescuer = made2;
            try {
                made2.rehearse(this, machine);
            } catch (RuntimeException | Error failed) {
                made2.close();
                throw failed;
            }
        }
    }

    /**
     * An ordered queue with a worker of its own, whose items are run even when no thread can be created.
     *
     * @throws OutOfMemoryError if its worker cannot be made
     * @throws IllegalStateException if its worker does not run
     */
    public static Workqueue orderedMemReclaim(String name, WorkerFactory workers) {
        return orderedMemReclaim(name, Waits.forNothing(), workers);
    }

    /**
     * The same, with what its items may wait for and who waits for them. The declaration is checked where a {@link WaitGraph} is made of all.
     */
    public static Workqueue orderedMemReclaim(String name, Waits waits, WorkerFactory workers) {
        Machine machine = new Machine(Clock.system(), null, workers, report -> {});
        WorkqueuePlan plan =
                WorkqueuePlan.ordered(name, WorkqueueFlag.MEM_RECLAIM).declaring(waits);
        new WaitGraph().declare(name, waits);
        Workqueue queue = new Workqueue(plan, machine);
        try {
            Completion ran = new Completion();
            queue.queue(new WorkItem(ran::complete));
            Rehearsal.await(ran, name, machine);
        } catch (RuntimeException | Error failed) {
            queue.close();
            throw failed;
        }
        return queue;
    }

    /** The queue's name. */
    public String name() {
        return plan.name();
    }

    /** How a thread waits for what this queue's workers, or others that came through the same seam, make true. */
    public Parking parking() {
        return machine.workers().parking();
    }

    /** What its items may wait for, and who waits for them. */
    public Waits waits() {
        return plan.waits();
    }

    boolean has(WorkqueueFlag flag) {
        return plan.has(flag);
    }

    boolean isCpuIntensive() {
        return !unbound && plan.has(WorkqueueFlag.CPU_INTENSIVE);
    }

    @Nullable
    Rescuer rescuer() {
        return rescuer;
    }

    List<PoolWorkqueue> joints() {
        return joints;
    }

    // queueing

    /**
     * Queues the item, unless it is pending already or disabled, or the queue is closed, or being drained and the caller is none of its
     * items. What the caller stored before is seen by the run that follows, also when the answer is false because it was pending.
     *
     * @return whether this call queued it
     */
    public boolean queue(WorkItem item) {
        if (!accepts() || !item.claim()) {
            return false;
        }
        insert(item, place());
        return true;
    }

    /**
     * Queues the item for one processor, or, if the queue is unbound, for the node of that processor.
     *
     * @return whether this call queued it
     */
    public boolean queueOn(int processor, WorkItem item) {
        int place = house == null || ordered ? 0 : house.placeOf(unbound, processor);
        if (!accepts() || !item.claim()) {
            return false;
        }
        insert(item, place);
        return true;
    }

    /**
     * Queues the item when a time has gone by; 0 is now. It is pending all the while.
     *
     * @return whether this call queued it
     */
    public boolean queueAfter(long delayNanos, DelayedWork item) {
        if (!accepts() || !item.claim()) {
            return false;
        }
        setTimer(delayNanos, item);
        return true;
    }

    /**
     * Has the item queued when a time has gone by from now, whatever it waited for until now.
     *
     * @return whether it was pending
     */
    public boolean modifyAfter(long delayNanos, DelayedWork item) {
        boolean was = item.grab();
        if (!accepts() || item.disableDepth() > 0) {
            item.unclaim();
        } else {
            setTimer(delayNanos, item);
        }
        return was;
    }

    private void setTimer(long delayNanos, DelayedWork item) {
        Timers timers = machine.timers();
        item.queue = this;
        if (delayNanos <= 0) {
            insert(item, place());
        } else if (timers == null) {
            item.unclaim();
            throw new UnsupportedOperationException(name() + " has no heartbeat, and so no delayed work");
        } else {
            timers.add(item, machine.clock().nanos() + delayNanos);
        }
    }

    /** Queues an item whose PENDING the caller owns. */
    void insertClaimed(WorkItem item) {
        if (accepts()) {
            insert(item, place());
        } else {
            item.unclaim();
        }
    }

    private boolean accepts() {
        if (closed) {
            return false;
        }
        if (draining.get() == 0 || Current.get().queue() == this) {
            return true;
        }
        tellRefusal();
        return false;
    }

    private void tellRefusal() {
        machine.reports().accept(new Report.RefusedWhileDraining(name()));
    }

    private int place() {
        return house == null || ordered ? 0 : house.placeHere(unbound);
    }

    private void insert(WorkItem item, int place) {
        PoolWorkqueue pwq = places[place];
        if (!ordered) {
            PoolWorkqueue runs = item.running;
            if (runs != null && runs.queue == this) {
                pwq = runs; // it runs there: only there can it be kept from running twice at once
            }
        }
        item.pwq = pwq;
        pwq.pool.arrive(item);
    }

    /** Whether the caller runs inside an item of this queue. */
    public boolean isCurrent() {
        return Current.get().queue() == this;
    }

    // blocking

    /** Something that blocks. */
    @FunctionalInterface
    public interface Blocking<X extends Exception> {
        /** Does it. */
        void run() throws X;
    }

    /**
     * Tells the pool that the calling item blocks while {@code wait} runs, so that another may run in its place. Outside of an item, just
     * runs it.
     *
     * @param waitsFor whose progress it waits for; if the item's queue has not declared it, somebody is told
     */
    public static <X extends Exception> void blocking(String waitsFor, Blocking<X> wait) throws X {
        PoolWorker worker = Current.get().worker;
        Workqueue queue = Current.get().queue();
        if (worker == null || queue == null || worker.isBlocked()) {
            wait.run();
            return;
        }
        if (!queue.plan.waits().mayWaitFor().contains(waitsFor)) {
            queue.machine.reports().accept(new Report.UndeclaredWait(queue.name(), waitsFor));
        }
        worker.blocks();
        try {
            wait.run();
        } finally {
            worker.goesOn();
        }
    }

    // waiting

    /**
     * Waits until everything queued before this call has run, and for nothing that is queued later. For control threads; never from an item
     * of this queue. Somebody is told when this is a system queue: what others queue there may wait for the caller, or for ever.
     *
     * @return whether it had run when the limit was over
     */
    public boolean flush(long limitNanos) throws InterruptedException {
        refuseOwnItems();
        if (closed) {
            return true;
        }
        FlushDependency.check(this);
        if (house != null && house.isSystem(this) && toldOfSystemFlush.compareAndSet(false, true)) {
            machine.reports().accept(new Report.SystemQueueFlush(name()));
        }
        return flusher.begin().await(machine, limitNanos);
    }

    /**
     * Waits until the queue is empty. Meanwhile only its own items may queue on it.
     *
     * @return whether it was empty when the limit was over
     */
    public boolean drain(long limitNanos) throws InterruptedException {
        refuseOwnItems();
        draining.incrementAndGet();
        try {
            long start = machine.clock().nanos();
            for (int flushes = 1; ; flushes++) {
                long left = limitNanos - (machine.clock().nanos() - start);
                if (left <= 0 || !flusher.begin().await(machine, left)) {
                    return isIdle();
                }
                if (isIdle()) {
                    return true;
                }
                if (flushes == DRAIN_TOLD_FIRST || (flushes % DRAIN_TOLD_EACH == 0 && flushes <= DRAIN_TOLD_LAST)) {
                    machine.reports().accept(new Report.SlowDrain(name(), flushes));
                }
            }
        } finally {
            draining.decrementAndGet();
        }
    }

    /**
     * Drains the queue and closes it. Delayed work that waits for its time is not drained: cancel it first.
     *
     * @return whether it was empty when the limit was over; if not, somebody is told, its contexts are left to what still runs, and nothing
     *     can be queued any more
     */
    public boolean destroy(long limitNanos) throws InterruptedException {
        boolean empty = drain(limitNanos);
        if (empty) {
            close();
            return true;
        }
        closed = true;
        int active = 0;
        int inactive = 0;
        for (PoolWorkqueue pwq : joints) {
            WorkqueueView.JointView view = pwq.view();
            active += view.active();
            inactive += view.inactive();
        }
        machine.reports().accept(new Report.StillBusy(name(), active, inactive));
        return false;
    }

    private boolean isIdle() {
        boolean idle = true;
        for (PoolWorkqueue pwq : joints) {
            pwq.pool.lock();
            idle &= pwq.isIdle();
            pwq.pool.unlock();
        }
        return idle;
    }

    private void refuseOwnItems() {
        if (isCurrent()) {
            throw new IllegalStateException("an item of " + name() + " waits for its own queue");
        }
    }

    /** Takes no more items; those not yet started may be dropped. Does not wait. */
    @Override
    public void close() {
        closed = true;
        if (own != null) {
            own.close();
        }
        if (rescuer != null) {
            rescuer.close();
        }
        if (house != null) {
            house.forget(this);
        }
    }

    // limits and attributes

    /** Changes how many items may be active; raising it begins what waits. Not for an ordered queue. */
    public synchronized void setMaxActive(int limit) {
        refuseIf(ordered, "is ordered: one item at a time");
        maxActive = Math.clamp(limit, 1, WorkqueuePlan.MAX_ACTIVE);
        minActive = Math.min(minActive, maxActive);
        applyLimits();
    }

    /** Changes how many items each node may have active at least. Only for an unbound queue that is not ordered. */
    public synchronized void setMinActive(int limit) {
        refuseIf(ordered || !unbound, "is ordered or per processor: no least share");
        minActive = Math.clamp(limit, 1, maxActive);
        applyLimits();
    }

    /** While frozen, a freezable queue begins nothing; what runs goes on. */
    synchronized void freeze(boolean freeze) {
        if (plan.has(WorkqueueFlag.FREEZABLE)) {
            frozen = freeze;
            applyLimits();
        }
    }

    /** Whether items of a frozen queue still run. */
    boolean isFrozenBusy() {
        int active = 0;
        for (ActiveLimit limit : limits) {
            active += limit.active();
        }
        return frozen && active > 0;
    }

    private void applyLimits() {
        for (ActiveLimit limit : limits) {
            limit.set(frozen ? 0 : share(limit.processors()));
        }
        for (ActiveLimit limit : limits) {
            limit.handOut();
        }
    }

    /** What a place may have active: an unbound queue's limit is shared among the nodes by their size. */
    private int share(int processorsOfNode) {
        if (!unbound || ordered || house == null) {
            return maxActive;
        }
        int share = Math.ceilDiv(maxActive * processorsOfNode, house.processors());
        return Math.clamp(share, minActive, maxActive);
    }

    /**
     * Moves an unbound queue to the pools of high priority, or back. What is queued is done where it is; an ordered queue begins nothing in
     * the new place until that is over.
     *
     * @throws OutOfMemoryError if the pool is new and its first worker cannot be made; nothing is changed then
     */
    public synchronized void setHighPriority(boolean high) {
        Workqueues shared = house;
        if (!unbound || shared == null) {
            throw new UnsupportedOperationException(name() + " is not an unbound queue in shared pools");
        }
        WorkerPool[] pools = new WorkerPool[places.length];
        for (int place = 0; place < pools.length; place++) {
            pools[place] = shared.pool(true, place, high);
        }
        if (pools[0] == places[0].pool) {
            return;
        }
        flusher.exclusively(colour -> {
            PoolWorkqueue[] before = places;
            PoolWorkqueue[] after = new PoolWorkqueue[before.length];
            for (int place = 0; place < after.length; place++) {
                after[place] = new PoolWorkqueue(this, pools[place], limits.get(place), colour, ordered);
                joints.add(after[place]);
            }
            places = after;
            for (int place = 0; place < after.length; place++) {
                before[place].pool.lock();
                before[place].retire(after[place]);
                before[place].pool.unlock();
            }
            joints.removeIf(joint -> joint.isDead() && !List.of(before).contains(joint));
        });
    }

    private void refuseIf(boolean cannot, String because) {
        if (cannot) {
            throw new UnsupportedOperationException(name() + " " + because);
        }
    }

    // the picture

    /** What the queue is at this moment. */
    public WorkqueueView.QueueView view() {
        Rescuer present = rescuer;
        return new WorkqueueView.QueueView(
                name(),
                plan.flags(),
                maxActive,
                minActive,
                present != null || own != null,
                present == null ? 0 : present.rescued(),
                draining.get() > 0,
                frozen,
                flusher.open(),
                waits(),
                joints.stream().map(PoolWorkqueue::view).toList());
    }
}
