package redoubt.workqueue;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import redoubt.sim.SteppedThreads;
import redoubt.sim.SteppedTime;

/** Workqueues on stepped time and stepped threads that may block; everything in it happens in one order, given by the seed. */
final class House implements AutoCloseable {

    static final long MILLI = 1_000_000L;
    static final long SECOND = 1_000_000_000L;
    static final long LIMIT_NANOS = 1000 * SECOND;

    final SteppedTime time = new SteppedTime();
    final SteppedThreads threads;
    final List<Report> reports = new ArrayList<>();
    final List<String> ran = new ArrayList<>();
    final Workqueues queues;
    private final long start;

    House(long seed) {
        this(seed, options -> options);
    }

    House(long seed, UnaryOperator<WorkqueuesOptions> change) {
        walkLists(true);
        threads = new SteppedThreads(seed, time);
        queues = new Workqueues(time, threads, change.apply(WorkqueuesOptions.of(1, reports::add)));
        start = time.nanos();
        threads.runAll(1000);
    }

    Workqueue create(String name, WorkqueueFlag... flags) {
        return queues.create(WorkqueuePlan.named(name, flags));
    }

    /** An item that notes its name. */
    WorkItem item(String name) {
        return new WorkItem(() -> ran.add(name));
    }

    /** An item that notes its name and then keeps its worker until the valve is open, telling the pool that it blocks. */
    WorkItem blocking(String name, Valve valve) {
        return new WorkItem(() -> {
            ran.add(name);
            Workqueue.blocking("valve", () -> threads.hold(valve::isOpen));
        });
    }

    /** The same, but the pool is not told: for it, the item computes. */
    WorkItem spinning(String name, Valve valve) {
        return new WorkItem(() -> {
            ran.add(name);
            threads.hold(valve::isOpen);
        });
    }

    void run() {
        threads.runAll(1_000_000);
    }

    void advanceMillis(long millis) {
        threads.advance(millis * MILLI, MILLI);
    }

    void advanceSeconds(long seconds) {
        threads.advance(seconds * SECOND, 100 * MILLI);
    }

    long millis() {
        return (time.nanos() - start) / MILLI;
    }

    WorkqueueView.PoolView pool(String name) {
        return queues.view().pools().stream()
                .filter(pool -> pool.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private static void walkLists(boolean walk) {
        WorkerPool.walkLists = walk;
    }

    @Override
    public void close() {
        walkLists(false);
        queues.close();
        threads.close();
    }

    /** Something to wait for. */
    static final class Valve {
        private boolean open;

        boolean isOpen() {
            return open;
        }

        void open() {
            open = true;
        }
    }
}
