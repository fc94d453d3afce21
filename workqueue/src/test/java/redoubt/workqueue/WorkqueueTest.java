package redoubt.workqueue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import redoubt.base.Threads;
import redoubt.base.WorkerFactory;

/** What an ordered queue promises (Linux, Documentation/core-api/workqueue.rst). */
class WorkqueueTest {

    private static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(30);

    /** Start(i+1) happens after end(i), so a plain list is enough. */
    @Test
    void itemsRunInTheOrderInWhichTheyWereQueued() throws InterruptedException {
        List<Integer> ran = new ArrayList<>();
        try (Workqueue queue = Workqueue.orderedMemReclaim("ordered", WorkerFactory.threads())) {
            for (int i = 0; i < 10_000; i++) {
                int number = i;
                assertThat(queue.queue(new WorkItem(() -> ran.add(number)))).isTrue();
            }
            assertThat(queue.flush(LIMIT_NANOS)).isTrue();
        }
        assertThat(ran).hasSize(10_000).isSorted();
    }

    /** A refused queue() is still followed by a run that sees what was stored before it. */
    @Test
    void aRefusedQueueIsSeenByTheRunThatIsStillToCome() throws InterruptedException {
        AtomicLong stored = new AtomicLong();
        AtomicLong seen = new AtomicLong();
        try (Workqueue queue = Workqueue.orderedMemReclaim("pending", WorkerFactory.threads())) {
            WorkItem item = new WorkItem(() -> seen.set(Math.max(seen.get(), stored.get())));
            for (long n = 1; n <= 200_000; n++) {
                stored.set(n);
                queue.queue(item);
            }
            assertThat(queue.flush(LIMIT_NANOS)).isTrue();
        }
        assertThat(seen.get()).isEqualTo(200_000);
    }

    /** As many runs as accepted calls, and never two at once. */
    @Test
    void everyAcceptedCallIsOneRun() throws InterruptedException {
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger together = new AtomicInteger();
        AtomicInteger runs = new AtomicInteger();
        AtomicInteger accepted = new AtomicInteger();
        try (Workqueue queue = Workqueue.orderedMemReclaim("counted", WorkerFactory.threads())) {
            WorkItem item = new WorkItem(() -> {
                if (inside.incrementAndGet() > 1) {
                    together.incrementAndGet();
                }
                runs.incrementAndGet();
                inside.decrementAndGet();
            });
            CountDownLatch done = new CountDownLatch(8);
            for (int thread = 0; thread < 8; thread++) {
                Threads.start("asker-" + thread, () -> {
                    for (int i = 0; i < 20_000; i++) {
                        if (queue.queue(item)) {
                            accepted.incrementAndGet();
                        }
                    }
                    done.countDown();
                });
            }
            assertThat(done.await(60, TimeUnit.SECONDS)).isTrue();
            assertThat(queue.flush(LIMIT_NANOS)).isTrue();
        }
        assertThat(runs.get()).isEqualTo(accepted.get());
        assertThat(together.get()).isZero();
    }

    @Test
    void anItemThatQueuesItselfRunsOnceMore() throws InterruptedException {
        AtomicInteger runs = new AtomicInteger();
        try (Workqueue queue = Workqueue.orderedMemReclaim("again", WorkerFactory.threads())) {
            WorkItem[] item = new WorkItem[1];
            CountDownLatch second = new CountDownLatch(2);
            item[0] = new WorkItem(() -> {
                if (runs.incrementAndGet() == 1) {
                    queue.queue(item[0]);
                }
                second.countDown();
            });
            queue.queue(item[0]);
            assertThat(second.await(30, TimeUnit.SECONDS)).isTrue();
            assertThat(queue.flush(LIMIT_NANOS)).isTrue();
        }
        assertThat(runs.get()).isEqualTo(2);
    }

    @Test
    void anItemThatThrowsDoesNotStopTheQueue() throws InterruptedException {
        CountDownLatch ran = new CountDownLatch(1);
        try (Workqueue queue = Workqueue.orderedMemReclaim("throws", WorkerFactory.threads())) {
            queue.queue(new WorkItem(() -> {
                throw new IllegalStateException("on purpose: this trace belongs to the test");
            }));
            queue.queue(new WorkItem(ran::countDown));
            assertThat(ran.await(30, TimeUnit.SECONDS)).isTrue();
        }
    }

    @Test
    void constructionFailsWhereNoWorkerCanBeMade() {
        WorkerFactory famine = (name, step) -> {
            throw new OutOfMemoryError("unable to create native thread");
        };
        assertThatThrownBy(() -> Workqueue.orderedMemReclaim("none", famine)).isInstanceOf(OutOfMemoryError.class);
    }
}
