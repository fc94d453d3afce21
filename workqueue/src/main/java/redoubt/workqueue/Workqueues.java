package redoubt.workqueue;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;
import redoubt.base.Beat;
import redoubt.base.Heartbeat;
import redoubt.base.WorkerFactory;

/**
 * The pools that queues share, the system queues, and the one beat that all their timers hang on: calls for help, pauses of managers,
 * delayed work, the watchdog, processors kept too long, workers idle too long. A timer is late by at most one period of the heartbeat.
 *
 * <p>Every pool has its first worker from the start, or there is no house: with none there would be no manager, and nobody to call for help.
 * Queues are checked against each other when they are made ({@link WaitGraph}).
 *
 * <p>Pools and queues are only added and taken away under this; the beat and the views read copies.
 */
public final class Workqueues implements AutoCloseable {

    private final WorkqueuesOptions options;
    private final Heartbeat heartbeat;
    private final Timers timers;
    private final Machine machine;
    private final WaitGraph graph = new WaitGraph();
    private final CpuHogs hogs;
    private final Watchdog watchdog;
    private final WorkerPool[][] bound; // by processor, then by priority
    private final @Nullable WorkerPool[][] unbound; // by node, then by priority; made when wanted, under this
    private final List<WorkerPool> pools = new CopyOnWriteArrayList<>();
    private final Map<WorkerPool, WorkItem> culls = new ConcurrentHashMap<>();
    private final List<Workqueue> queues = new CopyOnWriteArrayList<>();
    private final Map<SystemQueue, Workqueue> system = new EnumMap<>(SystemQueue.class);
    private final Beat beat = this::beat;

    /**
     * Builds the house: bound pools with their first workers, and the system queues.
     *
     * @throws OutOfMemoryError if there are not enough threads to give
     */
    public Workqueues(Heartbeat heartbeat, WorkerFactory workers, WorkqueuesOptions options) {
        this.options = options;
        this.heartbeat = heartbeat;
        timers = new Timers(heartbeat.clock().nanos());
        machine = new Machine(heartbeat.clock(), timers, workers, options.reports());
        hogs = new CpuHogs(options.cpuHogNanos(), options.reports());
        watchdog = new Watchdog(options.watchdogNanos(), machine, this::view);
        bound = new WorkerPool[options.processors()][2];
        unbound = new @Nullable WorkerPool[options.nodes()][2];
        try {
            for (int processor = 0; processor < bound.length; processor++) {
                bound[processor][0] = add("pool-" + processor, processor, 0);
                bound[processor][1] = add("pool-" + processor + "-high", processor, WorkerPool.NICE_HIGH);
            }
            for (SystemQueue one : SystemQueue.values()) {
                system.put(one, create(one.plan()));
            }
        } catch (RuntimeException | Error refused) {
            pools.forEach(WorkerPool::close);
            throw refused;
        }
        heartbeat.register(beat);
    }

    private WorkerPool add(String name, int processor, int nice) {
        WorkerPool pool = new WorkerPool(name, processor, nice, false, machine);
        pool.createWorker();
        culls.put(pool, new WorkItem(pool::cull));
        pools.add(pool);
        return pool;
    }

    /**
     * Makes a queue.
     *
     * @throws OutOfMemoryError if its rescuer, or the first worker of a pool that it is the first to need, cannot be made
     * @throws IllegalStateException if its rescuer does not run, or if what it declares closes a circle of waits
     */
    public synchronized Workqueue create(WorkqueuePlan plan) {
        graph.declare(plan.name(), plan.waits(), plan.has(WorkqueueFlag.MEM_RECLAIM));
        Workqueue queue = new Workqueue(plan, machine, this);
        queues.add(queue);
        return queue;
    }

    /** One of the queues that are there for everybody. */
    public Workqueue system(SystemQueue which) {
        return Objects.requireNonNull(system.get(which));
    }

    /** What queues and other parts wait for; declare here what is no queue. */
    public WaitGraph graph() {
        return graph;
    }

    /** Freezable queues begin nothing from now on; what runs goes on. */
    public void freeze() {
        queues.forEach(queue -> queue.freeze(true));
    }

    /** Whether an item of a frozen queue still runs. */
    public boolean isFreezingBusy() {
        return queues.stream().anyMatch(Workqueue::isFrozenBusy);
    }

    /** Takes {@link #freeze} back. */
    public void thaw() {
        queues.forEach(queue -> queue.freeze(false));
    }

    /** Says that there is a good reason why nothing was begun until now. */
    public void touchWatchdog() {
        watchdog.touch();
    }

    /** How often a pool was found standing still. */
    public long stalls() {
        return watchdog.stalls();
    }

    /** A picture of everything. */
    public WorkqueueView view() {
        long now = machine.clock().nanos();
        List<WorkqueueView.PoolView> seenPools = new ArrayList<>();
        pools.forEach(pool -> seenPools.add(pool.view(now)));
        List<WorkqueueView.QueueView> seenQueues = new ArrayList<>();
        queues.forEach(queue -> seenQueues.add(queue.view()));
        return new WorkqueueView(seenPools, seenQueues);
    }

    /** Ends all workers after the items they are at; does not wait. Drain the queues first. */
    @Override
    public void close() {
        heartbeat.unregister(beat);
        queues.forEach(Workqueue::close);
        pools.forEach(WorkerPool::close);
    }

    // for queues

    void forget(Workqueue queue) {
        queues.remove(queue);
    }

    boolean isSystem(Workqueue queue) {
        return system.containsValue(queue);
    }

    boolean isUnbound(WorkqueuePlan plan) {
        return plan.has(WorkqueueFlag.UNBOUND) || (options.powerEfficient() && plan.has(WorkqueueFlag.POWER_EFFICIENT));
    }

    int processors() {
        return options.processors();
    }

    int places(boolean ofUnbound) {
        return ofUnbound ? options.nodes() : options.processors();
    }

    int placeOf(boolean ofUnbound, int processor) {
        if (processor < 0 || processor >= options.processors()) {
            throw new IllegalArgumentException("there is no processor " + processor);
        }
        return placeNear(ofUnbound, processor);
    }

    private int placeNear(boolean ofUnbound, int processor) {
        return ofUnbound ? (int) ((long) processor * options.nodes() / options.processors()) : processor;
    }

    /** How many processors a node has. */
    int processorsOf(int node) {
        int count = 0;
        for (int processor = 0; processor < options.processors(); processor++) {
            count += placeOf(true, processor) == node ? 1 : 0;
        }
        return count;
    }

    /** Where the caller is: a bound worker at its processor, any other thread always at the same one. */
    int placeHere(boolean ofUnbound) {
        int count = options.processors();
        if (count == 1) {
            return 0;
        }
        PoolWorker worker = Current.get().worker;
        int processor = worker != null && worker.processor() >= 0
                ? worker.processor()
                : (int) (Thread.currentThread().threadId() % count);
        return placeNear(ofUnbound, processor);
    }

    synchronized WorkerPool pool(boolean ofUnbound, int place, boolean high) {
        int priority = high ? 1 : 0;
        if (!ofUnbound) {
            return bound[place][priority];
        }
        WorkerPool pool = unbound[place][priority];
        if (pool == null) {
            pool = add("pool-u" + place + (high ? "-high" : ""), -1, high ? WorkerPool.NICE_HIGH : 0);
            unbound[place][priority] = pool;
        }
        return pool;
    }

    // the beat

    private void beat(long nowNanos) {
        timers.beat(nowNanos);
        for (WorkerPool pool : pools) {
            pool.manager.beat(nowNanos);
            pool.findCpuHogs(nowNanos, hogs);
            if (pool.shouldCull(nowNanos)) {
                WorkItem cull = culls.get(pool);
                if (cull != null) {
                    system(SystemQueue.UNBOUND).queue(cull);
                }
            }
        }
        watchdog.beat(nowNanos, pools);
    }
}
