package redoubt.workqueue;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.base.WorkerFactory;

/** Neither who queues nor who runs allocates. Several looks are taken, and one must be zero: what the machine itself does now and then is not meant. */
@Tag("slow")
class AllocationTest {

    private static final int LOOKS = 20;
    private static final int ITEMS = 2000;

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private long workerBytes; // written by the worker, read after a flush
    private long workerThread;

    @ParameterizedTest
    @ValueSource(strings = {"own", "bound", "unbound"})
    void queueingAndRunningAllocateNothing(String kind) throws InterruptedException {
        try (RealHouse house = new RealHouse()) {
            Workqueue queue = switch (kind) {
                case "own" -> Workqueue.orderedMemReclaim("own", WorkerFactory.threads());
                case "bound" -> house.queues.create(WorkqueuePlan.named("bound", WorkqueueFlag.MEM_RECLAIM));
                default -> house.queues.create(WorkqueuePlan.named("unbound", WorkqueueFlag.UNBOUND));
            };
            WorkItem item = new WorkItem(() -> {
                workerBytes = threads.getCurrentThreadAllocatedBytes();
                workerThread = Thread.currentThread().threadId();
            });
            long leastAsker = Long.MAX_VALUE;
            long leastWorker = Long.MAX_VALUE;
            for (int look = 0; look < LOOKS; look++) {
                queue.queueOn(0, item);
                assertThat(queue.flush(TimeUnit.SECONDS.toNanos(30))).isTrue();
                long workerBefore = workerBytes;
                long sameThread = workerThread;
                boolean same = true;
                long before = threads.getCurrentThreadAllocatedBytes();
                for (int i = 0; i < ITEMS; i++) {
                    while (!queue.queueOn(0, item)) {
                        Thread.onSpinWait();
                    }
                    same &= workerThread == sameThread;
                }
                leastAsker = Math.min(leastAsker, threads.getCurrentThreadAllocatedBytes() - before);
                while (item.pending() || item.isRunning()) {
                    Thread.onSpinWait();
                }
                if (same && workerThread == sameThread) {
                    leastWorker = Math.min(leastWorker, workerBytes - workerBefore);
                }
            }
            assertThat(leastAsker)
                    .as("bytes that %d calls of queue() allocated", ITEMS)
                    .isZero();
            if (!kind.equals("unbound")) { // there, workers take turns too often for one look at one of them
                assertThat(leastWorker)
                        .as("bytes that %d runs allocated", ITEMS)
                        .isZero();
            }
            queue.close();
        }
    }
}
