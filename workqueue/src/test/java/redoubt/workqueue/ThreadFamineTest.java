package redoubt.workqueue;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import redoubt.base.Step;
import redoubt.base.Threads;
import redoubt.base.Worker;
import redoubt.base.WorkerFactory;

/**
 * The promise in real time: threads run out, and a queue with a rescuer goes on, while a queue without one and a stock executor stand still.
 * How long it takes is printed nowhere and fails nothing; only whether.
 */
@Tag("slow")
class ThreadFamineTest {

    private static final int ITEMS = 100_000;

    /** How a factory behaves when there is no thread to give. */
    enum Famine {
        REFUSES,
        HANGS
    }

    /** Real threads until the famine begins. */
    private static final class Starving implements WorkerFactory {
        private final Famine how;
        private final CountDownLatch over = new CountDownLatch(1);
        private final CountDownLatch asked = new CountDownLatch(1);
        private volatile boolean famine;

        Starving(Famine how) {
            this.how = how;
        }

        @Override
        public Worker start(String name, Step step) {
            if (famine) {
                asked.countDown();
                if (how == Famine.REFUSES) {
                    throw new OutOfMemoryError("unable to create native thread, says the test");
                }
                try {
                    over.await();
                } catch (InterruptedException stopped) {
                    throw new IllegalStateException(stopped);
                }
            }
            return WorkerFactory.threads().start(name, step);
        }

        void end() {
            famine = false;
            over.countDown();
        }
    }

    @ParameterizedTest
    @EnumSource
    void inv5aAReclaimQueueGoesOnInAFamineAndTheSystemQueueDoesNot(Famine how) throws InterruptedException {
        Starving factory = new Starving(how);
        try (RealHouse house = new RealHouse(factory)) {
            Workqueue reclaim = house.queues.create(WorkqueuePlan.named("kernfs_wq", WorkqueueFlag.MEM_RECLAIM)
                    .declaring(Waits.forNothing().neededBy("write path")));
            Workqueue system = house.queues.system(SystemQueue.PERCPU);
            factory.famine = true;

            CountDownLatch plain = new CountDownLatch(1);
            system.queueOn(0, new WorkItem(plain::countDown));
            assertThat(factory.asked.await(60, TimeUnit.SECONDS)).isTrue();

            CountDownLatch done = new CountDownLatch(ITEMS);
            AtomicInteger accepted = new AtomicInteger();
            WorkItem[] items = new WorkItem[1000];
            for (int i = 0; i < items.length; i++) {
                items[i] = new WorkItem(done::countDown);
            }
            Threads.start("notifier", () -> {
                for (int i = 0; accepted.get() < ITEMS; i++) {
                    if (reclaim.queueOn(0, items[i % items.length])) {
                        accepted.incrementAndGet();
                    } else {
                        Thread.onSpinWait();
                    }
                }
            });
            assertThat(done.await(100, TimeUnit.SECONDS))
                    .as("left %d", done.getCount())
                    .isTrue();
            assertThat(reclaim.flush(TimeUnit.SECONDS.toNanos(30))).isTrue();

            // The reason why the other stands still: its pool has no idle worker, and the one that would be is managing
            // in vain.
            assertThat(plain.getCount()).isEqualTo(1);
            WorkqueueView.PoolView pool = house.queues.view().pools().getFirst();
            assertThat(pool.name()).isEqualTo("pool-0");
            assertThat(pool.managing()).isTrue();
            assertThat(pool.idle()).isZero();
            assertThat(pool.waiting()).isPositive();
            assertThat(pool.maydays()).isPositive();

            factory.end();
            assertThat(plain.await(60, TimeUnit.SECONDS)).isTrue();
        }
    }

    /** An array's ordered queue asks for no thread at all. */
    @Test
    void aQueueOfItsOwnNeverAsksForAThread() throws InterruptedException {
        Starving factory = new Starving(Famine.REFUSES);
        try (Workqueue queue = Workqueue.orderedMemReclaim("array", factory)) {
            factory.famine = true;
            int[] ran = new int[1];
            for (int i = 0; i < ITEMS; i++) {
                queue.queue(new WorkItem(() -> ran[0]++));
            }
            assertThat(queue.flush(TimeUnit.SECONDS.toNanos(60))).isTrue();
            assertThat(ran[0]).isEqualTo(ITEMS);
            assertThat(factory.asked.getCount()).isEqualTo(1);
        }
    }

    /**
     * What a stock executor does: a task throws, its worker dies, the worker that should take its place cannot be made, and what was queued
     * behind stays there, also when the famine is over, until somebody happens to queue something else.
     */
    @Test
    void aStockExecutorWhoseLastWorkerDiesInTheFamineHangsForEver() throws InterruptedException {
        AtomicInteger allowed = new AtomicInteger(1);
        AtomicInteger refused = new AtomicInteger();
        CountDownLatch running = new CountDownLatch(1);
        CountDownLatch die = new CountDownLatch(1);
        CountDownLatch triedAgain = new CountDownLatch(1);
        CountDownLatch behind = new CountDownLatch(1);
        Thread[] worker = new Thread[1];
        ThreadPoolExecutor pool =
                new ThreadPoolExecutor(1, 1, 0, TimeUnit.SECONDS, new ArrayBlockingQueue<>(10), body -> {
                    if (allowed.getAndDecrement() <= 0) {
                        refused.incrementAndGet();
                        triedAgain.countDown();
                        throw new OutOfMemoryError("unable to create native thread, says the test");
                    }
                    Thread thread = Thread.ofPlatform().daemon().unstarted(body);
                    thread.setUncaughtExceptionHandler((dead, why) -> {});
                    worker[0] = thread;
                    return thread;
                });
        pool.execute(() -> {
            running.countDown();
            try {
                die.await();
            } catch (InterruptedException stopped) {
                Thread.currentThread().interrupt();
            }
            throw new IllegalStateException("a task that throws");
        });
        assertThat(running.await(60, TimeUnit.SECONDS)).isTrue();
        pool.execute(behind::countDown);
        die.countDown();
        assertThat(triedAgain.await(60, TimeUnit.SECONDS)).isTrue();
        worker[0].join(60_000);
        assertThat(worker[0].isAlive()).isFalse();

        // The reason: no worker is left, none can be had, and nobody will look again.
        assertThat(refused.get()).isEqualTo(1);
        assertThat(pool.getPoolSize()).isZero();
        assertThat(pool.getQueue()).hasSize(1);
        allowed.set(100); // the famine is over
        assertThat(behind.await(1, TimeUnit.SECONDS))
                .as("the executor has woken up by itself")
                .isFalse();
        assertThat(pool.getPoolSize()).isZero();
        pool.execute(() -> {}); // only this makes it look
        assertThat(behind.await(60, TimeUnit.SECONDS)).isTrue();
        pool.shutdownNow();
    }
}
