package redoubt.workqueue;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.base.Threads;
import redoubt.base.WorkerFactory;

/** PENDING, its memory ordering, and that an item is never in two places and never runs twice at once; with real threads. */
class QueueingTest {

    private static final long SEED = 20_231_114;
    private static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(60);
    private static final int THREADS = 8;

    enum Kind {
        OWN,
        BOUND,
        UNBOUND,
        UNBOUND_RECLAIM
    }

    private static Workqueue make(RealHouse house, Kind kind) {
        return switch (kind) {
            case OWN -> Workqueue.orderedMemReclaim("own", WorkerFactory.threads());
            case BOUND -> house.queues.create(WorkqueuePlan.named("bound"));
            case UNBOUND -> house.queues.create(WorkqueuePlan.named("unbound", WorkqueueFlag.UNBOUND));
            case UNBOUND_RECLAIM ->
                house.queues.create(WorkqueuePlan.named("reclaim", WorkqueueFlag.UNBOUND, WorkqueueFlag.MEM_RECLAIM));
        };
    }

    private interface Asker {
        void ask(SplittableRandom random, int round) throws Exception;
    }

    private static void fromThreads(int rounds, Asker asker) throws InterruptedException {
        CountDownLatch done = new CountDownLatch(THREADS);
        AtomicInteger failed = new AtomicInteger();
        for (int thread = 0; thread < THREADS; thread++) {
            SplittableRandom random = new SplittableRandom(SEED + thread);
            Threads.start("asker-" + thread, () -> {
                try {
                    for (int round = 0; round < rounds; round++) {
                        asker.ask(random, round);
                    }
                } catch (Exception | Error wrong) {
                    failed.incrementAndGet();
                    throw new IllegalStateException("seed " + SEED, wrong);
                } finally {
                    done.countDown();
                }
            });
        }
        assertThat(done.await(100, TimeUnit.SECONDS)).as("seed %d", SEED).isTrue();
        assertThat(failed.get()).as("seed %d", SEED).isZero();
    }

    /**
     * TEST-1, INV-1, INV-2a: eight threads queue and cancel a few items while they run; every list is walked at every unlocking, and in the
     * end there were as many runs as accepted calls that were not taken back.
     */
    @ParameterizedTest
    @EnumSource
    void test1AnItemIsInOneListAtMost(Kind kind) throws InterruptedException {
        WorkerPool.walkLists = true;
        try (RealHouse house = new RealHouse();
                Workqueue queue = make(house, kind)) {
            AtomicInteger accepted = new AtomicInteger();
            AtomicInteger cancelled = new AtomicInteger();
            AtomicInteger runs = new AtomicInteger();
            WorkItem[] items = new WorkItem[5];
            for (int i = 0; i < items.length; i++) {
                items[i] = new WorkItem(runs::incrementAndGet);
            }
            fromThreads(3000, (random, round) -> {
                WorkItem item = items[random.nextInt(items.length)];
                switch (random.nextInt(8)) {
                    case 0 -> cancelled.addAndGet(item.cancel() ? 1 : 0);
                    case 1 -> {
                        if (round % 64 == 0) {
                            item.flush(LIMIT_NANOS);
                        }
                    }
                    case 2 -> {
                        if (round % 64 == 0) {
                            queue.flush(LIMIT_NANOS);
                        }
                    }
                    default -> accepted.addAndGet(queue.queue(item) ? 1 : 0);
                }
            });
            assertThat(queue.flush(LIMIT_NANOS)).isTrue();
            assertThat(runs.get() + cancelled.get()).as("INV-2a, seed %d", SEED).isEqualTo(accepted.get());
            assertThat(runs.get()).isPositive();
            assertThat(queue.view().joints()).allMatch(joint -> joint.inFlight() == 0 && joint.active() == 0);
        } finally {
            WorkerPool.walkLists = false;
        }
    }

    /**
     * TEST-1, INV-1, INV-2a: the same for all the places an item can be in: delayed work in a queue with one active slot is on a timer, or inactive,
     * or in the worklist, or runs.
     */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void test1AnItemIsOnATimerOrInOneListAtMost(boolean unbound) throws Exception {
        WorkerPool.walkLists = true;
        WorkqueuePlan plan = unbound ? WorkqueuePlan.named("one", WorkqueueFlag.UNBOUND) : WorkqueuePlan.named("one");
        try (RealHouse house = new RealHouse();
                Workqueue queue = house.queues.create(plan.maxActive(1))) {
            AtomicInteger accepted = new AtomicInteger();
            AtomicInteger cancelled = new AtomicInteger();
            AtomicInteger runs = new AtomicInteger();
            AtomicInteger wereInactive = new AtomicInteger();
            DelayedWork[] items = new DelayedWork[10];
            for (int i = 0; i < items.length; i++) {
                items[i] = new DelayedWork(runs::incrementAndGet);
            }
            fromThreads(3000, (random, round) -> {
                DelayedWork item = items[random.nextInt(items.length)];
                switch (random.nextInt(8)) {
                    case 0 -> cancelled.addAndGet(item.cancel() ? 1 : 0);
                    case 1 -> accepted.addAndGet(queue.modifyAfter(random.nextLong(2) * House.MILLI, item) ? 0 : 1);
                    case 2, 3 -> accepted.addAndGet(queue.queueAfter(random.nextLong(3) * House.MILLI, item) ? 1 : 0);
                    case 4 -> {
                        if (round % 64 == 0) {
                            item.flushNow(LIMIT_NANOS);
                        }
                    }
                    default -> accepted.addAndGet(queue.queue(item) ? 1 : 0);
                }
                if (round % 16 == 0) {
                    wereInactive.addAndGet(queue.view().joints().stream()
                            .mapToInt(WorkqueueView.JointView::inactive)
                            .sum());
                }
            });
            for (DelayedWork item : items) {
                item.flushNow(LIMIT_NANOS);
            }
            assertThat(queue.flush(LIMIT_NANOS)).isTrue();
            assertThat(items).noneMatch(WorkItem::pending);
            assertThat(runs.get() + cancelled.get()).as("INV-2a, seed %d", SEED).isEqualTo(accepted.get());
            assertThat(runs.get()).isPositive();
            assertThat(wereInactive.get()).as("inactive items were seen").isPositive();
            assertThat(house.reports).isEmpty();
        } finally {
            WorkerPool.walkLists = false;
        }
    }

    /** TEST-2, INV-2b: a refused queue() is still followed by a run that sees what was stored before it. Plain stores, no help. */
    @ParameterizedTest
    @EnumSource
    void test2WhatWasStoredBeforeARefusedQueueIsSeen(Kind kind) throws InterruptedException {
        try (RealHouse house = new RealHouse();
                Workqueue queue = make(house, kind)) {
            long[] stored = new long[1];
            AtomicLong seen = new AtomicLong();
            WorkItem item = new WorkItem(() -> seen.set(Math.max(seen.get(), stored[0])));
            long n = 0;
            for (int burst = 0; burst < 3000; burst++) {
                for (int i = 0; i < 20; i++) {
                    stored[0] = ++n;
                    queue.queue(item);
                }
                long deadline = System.nanoTime() + LIMIT_NANOS;
                while (seen.get() != n) { // no flush here: the last, perhaps refused, call must be enough
                    assertThat(System.nanoTime() - deadline)
                            .as("INV-2b: a store was never seen")
                            .isNegative();
                    Thread.onSpinWait();
                }
            }
        }
    }

    /** TEST-3, INV-3: eight threads and the item itself queue it; it never runs twice at once, in whatever pool. */
    @ParameterizedTest
    @EnumSource
    void test3AnItemNeverRunsTwiceAtOnce(Kind kind) throws InterruptedException {
        try (RealHouse house = new RealHouse();
                Workqueue queue = make(house, kind)) {
            AtomicInteger inside = new AtomicInteger();
            AtomicInteger together = new AtomicInteger();
            AtomicInteger runs = new AtomicInteger();
            WorkItem[] item = new WorkItem[1];
            item[0] = new WorkItem(() -> {
                together.addAndGet(inside.getAndIncrement());
                if (runs.incrementAndGet() % 3 == 0) {
                    queue.queue(item[0]);
                }
                if (runs.get() % 50 == 0) {
                    Thread.onSpinWait();
                }
                inside.decrementAndGet();
            });
            fromThreads(5000, (random, round) -> queue.queue(item[0]));
            assertThat(queue.drain(LIMIT_NANOS)).isTrue();
            assertThat(together.get()).isZero();
            assertThat(runs.get()).isPositive();
        }
    }
}
