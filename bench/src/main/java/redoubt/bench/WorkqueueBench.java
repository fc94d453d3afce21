package redoubt.bench;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import redoubt.base.ThreadHeartbeat;
import redoubt.base.WorkerFactory;
import redoubt.workqueue.WorkItem;
import redoubt.workqueue.Workqueue;
import redoubt.workqueue.WorkqueueFlag;
import redoubt.workqueue.WorkqueuePlan;
import redoubt.workqueue.Workqueues;
import redoubt.workqueue.WorkqueuesOptions;

/**
 * What it costs to have something done by somebody else: by a workqueue of each kind, and by an executor of the JDK. The asker is one thread,
 * which parks until what it asked for is done. With {@code -prof gc} it says too what each allocates.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class WorkqueueBench {

    private static final int MANY = 100;
    private static final long HEARTBEAT_NANOS = 5_000_000L;

    /** By whom. The first four are workqueues. */
    @Param({"ordered-own", "bound", "bound-reclaim", "unbound", "fixed-1", "fixed-2", "fork-join-2", "virtual"})
    public String by = "bound";

    /** Asks for the work with this number. */
    @FunctionalInterface
    private interface Ask {
        void ask(int number);
    }

    private final AtomicInteger left = new AtomicInteger();
    private volatile Thread asker = Thread.currentThread();
    private Ask ask = number -> {};
    private Runnable end = () -> {};

    /** Makes it. */
    @Setup
    public void make() {
        switch (by) {
            case "ordered-own" -> {
                Workqueue queue = Workqueue.orderedMemReclaim("bench", WorkerFactory.threads());
                use(queue);
                end = queue::close;
            }
            case "bound" -> use(WorkqueuePlan.named("bench"));
            case "bound-reclaim" -> use(WorkqueuePlan.named("bench", WorkqueueFlag.MEM_RECLAIM));
            case "unbound" -> use(WorkqueuePlan.named("bench", WorkqueueFlag.UNBOUND));
            case "fixed-1" -> use(Executors.newFixedThreadPool(1));
            case "fixed-2" -> use(Executors.newFixedThreadPool(2));
            case "fork-join-2" -> use(new ForkJoinPool(2));
            case "virtual" -> use(Executors.newVirtualThreadPerTaskExecutor());
            default -> throw new IllegalArgumentException(by);
        }
    }

    private void use(WorkqueuePlan plan) {
        ThreadHeartbeat heartbeat = new ThreadHeartbeat(HEARTBEAT_NANOS);
        Workqueues queues = new Workqueues(heartbeat, WorkerFactory.threads(), WorkqueuesOptions.of(2, report -> {}));
        use(queues.create(plan));
        end = () -> {
            queues.close();
            heartbeat.close();
        };
    }

    private void use(Workqueue queue) {
        WorkItem[] items = new WorkItem[MANY];
        for (int i = 0; i < MANY; i++) {
            items[i] = new WorkItem(this::oneDone);
        }
        ask = number -> {
            while (!queue.queue(items[number])) {
                Thread.onSpinWait(); // it is pending still: never, for who waits for all of them
            }
        };
    }

    private void use(ExecutorService executor) {
        Runnable[] tasks = new Runnable[MANY];
        for (int i = 0; i < MANY; i++) {
            tasks[i] = this::oneDone;
        }
        ask = number -> executor.execute(tasks[number]);
        end = executor::shutdownNow;
    }

    /** Gives everything back. */
    @TearDown
    public void close() {
        end.run();
    }

    private void oneDone() {
        if (left.decrementAndGet() == 0) {
            LockSupport.unpark(asker);
        }
    }

    private void await() {
        while (left.get() != 0) {
            LockSupport.park(this);
        }
    }

    /** One thing, and wait for it. */
    @Benchmark
    public void one() {
        asker = Thread.currentThread();
        left.set(1);
        ask.ask(0);
        await();
    }

    /** A hundred things, and wait for all of them. */
    @Benchmark
    @OperationsPerInvocation(MANY)
    public void hundred() {
        asker = Thread.currentThread();
        left.set(MANY);
        for (int i = 0; i < MANY; i++) {
            ask.ask(i);
        }
        await();
    }
}
