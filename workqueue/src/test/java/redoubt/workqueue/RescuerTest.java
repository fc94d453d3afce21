package redoubt.workqueue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.base.Parking;
import redoubt.base.Step;
import redoubt.base.Worker;
import redoubt.base.WorkerFactory;
import redoubt.sim.SteppedThreads;
import redoubt.sim.SteppedTime;

/** What MEM_RECLAIM promises when no worker can be made. */
class RescuerTest {

    private static final long SEED = 5;

    /**
     * TEST-5, INV-5a, INV-5b: a pool has one worker blocked in an item and one that manages in vain. After 10 ms the rescuer runs its own
     * queue's item and no other; the timer goes off once and then each 100 ms; the other item waits for the manager's next try.
     */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void inv5aItemsOfAReclaimQueueRunAfterTenMillisecondsAndOthersWhenThereIsAWorker(long seed) {
        try (House house = new House(seed)) {
            House.Valve valve = new House.Valve();
            List<String> rescuedBy = new ArrayList<>();
            Workqueue reclaim = house.create("reclaim", WorkqueueFlag.MEM_RECLAIM);
            Workqueue plain = house.create("plain");
            plain.queue(house.blocking("b1", valve));
            house.run();
            assertThat(house.pool("pool-0").workers()).isEqualTo(2);

            house.threads.allow(0);
            plain.queue(house.item("b2"));
            reclaim.queue(new WorkItem(() -> {
                house.ran.add("a");
                rescuedBy.add(Thread.currentThread().getName());
            }));
            house.advanceMillis(9);
            assertThat(house.ran).containsExactly("b1");
            assertThat(house.pool("pool-0").managing()).isTrue();

            house.advanceMillis(1);
            assertThat(house.ran).containsExactly("b1", "a");
            assertThat(rescuedBy).containsExactly("stepped-reclaim");

            house.advanceMillis(1490);
            assertThat(house.ran).containsExactly("b1", "a");
            assertThat(house.pool("pool-0").maydays()).isEqualTo(1 + (1500 - 10) / 100);
            assertThat(wakes(reclaim)).as("for its one item, and not again").isEqualTo(1);

            house.threads.allow(100); // at 1.5 s: the tries were at 0 s and 1 s
            house.advanceMillis(499);
            assertThat(house.ran).containsExactly("b1", "a");
            house.advanceMillis(1);
            assertThat(house.ran).containsExactly("b1", "a", "b2");
            assertThat(house.pool("pool-0").managing()).isFalse();
            valve.open();
            house.run();
        }
    }

    private static long wakes(Workqueue queue) {
        return Objects.requireNonNull(queue.rescuer()).wakes();
    }

    /** The same when the factory does not refuse but hangs: the manager stands still inside it, and the timer does not. */
    @Test
    void inv5aARescuerRunsItsQueueWhileCreationHangs() {
        try (House house = new House(SEED)) {
            Workqueue reclaim = house.create("reclaim", WorkqueueFlag.MEM_RECLAIM);
            Workqueue plain = house.create("plain");
            house.threads.hangCreation(true);
            plain.queue(house.item("b"));
            for (int i = 0; i < 100; i++) {
                reclaim.queue(house.item("a" + i));
            }
            house.advanceMillis(10);
            assertThat(house.ran)
                    .as("INV-5a: rescued while creation hangs")
                    .hasSize(100)
                    .doesNotContain("b");
            house.advanceSeconds(3600);
            assertThat(house.ran).hasSize(100);
            reclaim.queue(house.item("late"));
            house.advanceMillis(100);
            assertThat(house.ran).hasSize(101).doesNotContain("b");
            house.threads.hangCreation(false);
            house.run();
            assertThat(house.ran).hasSize(102).contains("b");
        }
    }

    /** TEST-5b: a rescuer is one context. While its item blocks, the next one waits, though the limit would allow 1024. */
    @Test
    void test5bARescuerIsOneContextWhateverTheLimit() {
        try (House house = new House(SEED)) {
            House.Valve valve = new House.Valve();
            Workqueue reclaim = house.create("reclaim", WorkqueueFlag.MEM_RECLAIM);
            house.threads.allow(0);
            reclaim.queue(house.blocking("a1", valve));
            reclaim.queue(house.item("a2"));
            house.advanceSeconds(60);
            assertThat(house.ran).containsExactly("a1");
            valve.open();
            house.run();
            assertThat(house.ran).containsExactly("a1", "a2");
        }
    }

    /** TEST-5c: two pools call; one by one the rescuer turns from one to the other after more than sixteen items. */
    @Test
    void test5cTwoPoolsInDistressTakeTurnsInBatches() {
        assertThat(turns(RescueOrder.ONE_BY_ONE)).containsExactly(17, 17, 17, 17, 6, 6);
    }

    /** And as it was before: all of one pool, then all of the other. */
    @Test
    void test5cAllAtOnceTakesAllOfOnePoolFirst() {
        assertThat(turns(RescueOrder.ALL_AT_ONCE)).containsExactly(40, 40);
    }

    private static List<Integer> turns(RescueOrder order) {
        WorkqueuePlan plan =
                WorkqueuePlan.named("reclaim", WorkqueueFlag.MEM_RECLAIM).rescued(order);
        List<Integer> runs = new ArrayList<>();
        try (House house = new House(
                SEED,
                _ -> WorkqueuesOptions.of(2, report -> {
                    throw new AssertionError(report);
                }))) {
            Workqueue reclaim = house.queues.create(plan);
            house.threads.allow(0);
            for (int i = 0; i < 40; i++) {
                reclaim.queueOn(0, house.item("0"));
                reclaim.queueOn(1, house.item("1"));
            }
            house.advanceMillis(10);
            assertThat(house.ran).hasSize(80);
            String last = "";
            for (String pool : house.ran) {
                if (pool.equals(last)) {
                    runs.set(runs.size() - 1, runs.getLast() + 1);
                } else {
                    runs.add(1);
                }
                last = pool;
            }
        }
        return runs;
    }

    /** With the new order a worker that comes takes over what the rescuer has not begun; with the old one it cannot. */
    @ParameterizedTest
    @EnumSource
    void aWorkerThatComesTakesOverOnlyWhatIsLeftInTheWorklist(RescueOrder order) {
        try (House house = new House(SEED)) {
            House.Valve valve = new House.Valve();
            Workqueue reclaim = house.queues.create(
                    WorkqueuePlan.named("reclaim", WorkqueueFlag.MEM_RECLAIM).rescued(order));
            house.threads.allow(0);
            reclaim.queue(house.blocking("a1", valve));
            reclaim.queue(house.item("a2"));
            house.advanceMillis(10);
            assertThat(house.ran).containsExactly("a1");
            house.threads.allow(10);
            house.advanceSeconds(2);
            if (order == RescueOrder.ONE_BY_ONE) {
                assertThat(house.ran).containsExactly("a1", "a2");
            } else {
                assertThat(house.ran).containsExactly("a1");
            }
            valve.open();
            house.run();
            assertThat(house.ran).containsExactly("a1", "a2");
        }
    }

    /** INV-5b: two queues with rescuers in one famine: each item is run by its own queue's. */
    @Test
    void inv5bARescuerRunsItsOwnQueueOnly() {
        try (House house = new House(SEED)) {
            List<String> by = new ArrayList<>();
            Workqueue[] queue = {
                house.create("left", WorkqueueFlag.MEM_RECLAIM), house.create("right", WorkqueueFlag.MEM_RECLAIM)
            };
            house.threads.allow(0);
            for (int i = 0; i < 50; i++) {
                Workqueue target = queue[i % 2];
                target.queue(new WorkItem(() ->
                        by.add(target.name() + " " + Thread.currentThread().getName())));
            }
            house.advanceMillis(10);
            assertThat(by).hasSize(50);
            assertThat(by).as("INV-5b: who ran whose items").containsOnly("left stepped-left", "right stepped-right");
        }
    }

    /**
     * INV-5c. Goal: where the rescuer stops, because the pool needs no new worker any more, an idle worker goes on. Method: while the rescuer is
     * held in the queue's one active item, a worker comes, finds nothing to do and becomes idle; the end of that item makes the next one runnable,
     * which nobody but the rescuer sees. No time goes by after that, so no beat could wake anybody either.
     */
    @Test
    void inv5cThePoolIsKickedAfterTheRescue() {
        try (House house = new House(SEED)) {
            House.Valve valve = new House.Valve();
            List<String> by = new ArrayList<>();
            Workqueue reclaim = house.queues.create(
                    WorkqueuePlan.named("reclaim", WorkqueueFlag.MEM_RECLAIM).maxActive(1));
            house.threads.allow(0);
            reclaim.queue(house.blocking("a1", valve));
            house.advanceMillis(10);
            reclaim.queue(new WorkItem(() -> by.add(Thread.currentThread().getName())));
            house.threads.allow(10);
            house.advanceSeconds(2);
            assertThat(house.ran).containsExactly("a1");
            assertThat(house.pool("pool-0").managing()).isFalse();
            assertThat(house.pool("pool-0").idle()).isPositive();
            assertThat(by).isEmpty();
            valve.open();
            house.run();
            assertThat(by)
                    .as("INV-5c: run by an idle worker of the pool")
                    .hasSize(1)
                    .allMatch(name -> name.startsWith("stepped-pool-0:"));
        }
    }

    /** INV-5d: a joint that is in the list already is not put there again, however often the timer goes off. */
    @Test
    void inv5dAJointCallsAtMostOnce() {
        try (House house = new House(SEED, options -> WorkqueuesOptions.of(2, house0 -> {}))) {
            House.Valve valve = new House.Valve();
            Workqueue reclaim = house.create("reclaim", WorkqueueFlag.MEM_RECLAIM);
            house.threads.allow(0);
            reclaim.queueOn(0, house.blocking("a0", valve));
            house.advanceMillis(10);
            reclaim.queueOn(1, house.item("a1"));
            house.advanceSeconds(60); // pool 1 calls 600 times while the rescuer is held in pool 0
            assertThat(house.ran).containsExactly("a0");
            assertThat(house.pool("pool-1").maydays()).isGreaterThan(500);
            assertThat(wakes(reclaim)).as("once for each joint").isEqualTo(2);
            valve.open();
            house.run();
            assertThat(house.ran).containsExactly("a0", "a1");
            assertThat(wakes(reclaim)).isEqualTo(2);
        }
    }

    /** INV-5e: what found no active slot is not in the worklist and calls nobody; it is run when the active one is over. */
    @Test
    void inv5eInactiveItemsCallNobody() {
        try (House house = new House(SEED)) {
            House.Valve valve = new House.Valve();
            Workqueue reclaim = house.queues.create(
                    WorkqueuePlan.named("reclaim", WorkqueueFlag.MEM_RECLAIM).maxActive(1));
            reclaim.queue(house.blocking("a1", valve));
            house.run();
            reclaim.queue(house.item("a2"));
            house.threads.allow(0);
            house.advanceSeconds(10);
            assertThat(house.ran).containsExactly("a1");
            assertThat(house.pool("pool-0").maydays()).isZero();
            valve.open();
            house.advanceMillis(200);
            assertThat(house.ran).containsExactly("a1", "a2");
        }
    }

    /** A queue that promises progress and cannot keep it is not made. */
    @Test
    void aQueueWhoseRescuerCannotBeMadeIsNotMade() {
        try (House house = new House(SEED)) {
            house.threads.allow(0);
            assertThatThrownBy(() -> house.create("reclaim", WorkqueueFlag.MEM_RECLAIM))
                    .isInstanceOf(OutOfMemoryError.class);
            assertThat(house.queues.view().queues())
                    .noneMatch(queue -> queue.name().equals("reclaim"));
        }
    }

    /** Nor is one whose rescuer was made and is never run: that is found within the limit, and the rescuer is let go. */
    @Test
    void aQueueWhoseRescuerDoesNotRunIsNotMade() {
        SteppedTime time = new SteppedTime();
        try (SteppedThreads threads = new SteppedThreads(SEED, time)) {
            boolean[] letGo = {false};
            WorkerFactory factory = new WorkerFactory() {
                @Override
                public Worker start(String name, Step step) {
                    return name.equals("reclaim") ? new Lifeless(() -> letGo[0] = true) : threads.start(name, step);
                }

                @Override
                public Parking parking() {
                    return (until, nanos) -> time.advance(nanos);
                }
            };
            try (Workqueues queues = new Workqueues(time, factory, WorkqueuesOptions.of(1, report -> {}))) {
                long start = time.nanos();
                WorkqueuePlan plan = WorkqueuePlan.named("reclaim", WorkqueueFlag.MEM_RECLAIM);
                assertThatThrownBy(() -> queues.create(plan))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("does not run");
                assertThat(time.nanos() - start).isEqualTo(Machine.REHEARSAL_LIMIT_NANOS);
                assertThat(letGo[0]).isTrue();
                assertThat(queues.view().queues())
                        .noneMatch(queue -> queue.name().equals("reclaim"));
            }
        }
    }

    /** A thread that was given and never gets a processor. */
    private record Lifeless(Runnable whenClosed) implements Worker {
        @Override
        public void wake() {}

        @Override
        public boolean isCurrent() {
            return false;
        }

        @Override
        public void close() {
            whenClosed.run();
        }
    }

    /** A barrier behind an item that was cancelled is still run in a famine. */
    @Test
    void whoWaitsForACancelledItemIsToldInAFamine() {
        try (House house = new House(SEED)) {
            Workqueue reclaim = house.create("reclaim", WorkqueueFlag.MEM_RECLAIM);
            house.threads.hangCreation(true);
            WorkItem item = house.item("a");
            reclaim.queue(item);
            house.threads.spawn("flusher", () -> {
                try {
                    item.flush(House.LIMIT_NANOS);
                    house.ran.add("flushed");
                } catch (Exception failed) {
                    throw new AssertionError(failed);
                }
            });
            house.run();
            assertThat(item.cancel()).isTrue();
            house.advanceMillis(10);
            assertThat(house.ran).containsExactly("flushed");
        }
    }
}
