package redoubt.workqueue;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How many workers a pool has, and who runs (INV-4a to INV-4d; the first two are asserted inside the pool as well). */
class WorkersTest {

    private static final long SEED = 4;

    /** TEST-4 (i), INV-4c: in a bound pool the second item starts only because the first one blocks. */
    @Test
    void test4TheSecondItemStartsBecauseTheFirstBlocks() {
        try (House house = new House(SEED)) {
            House.Valve blocks = new House.Valve();
            House.Valve ends = new House.Valve();
            Workqueue queue = house.create("bound");
            queue.queue(new WorkItem(() -> {
                house.ran.add("first");
                house.threads.hold(blocks::isOpen);
                Workqueue.blocking("valve", () -> house.threads.hold(ends::isOpen));
                house.ran.add("first ends");
            }));
            queue.queue(house.item("second"));
            house.run();
            assertThat(house.ran).containsExactly("first");
            blocks.open();
            house.run();
            assertThat(house.ran).containsExactly("first", "second");
            ends.open();
            house.run();
            assertThat(house.ran).containsExactly("first", "second", "first ends");
        }
    }

    /** TEST-4 (ii): one that computes keeps the second waiting until the threshold is over, and is told of from the fourth time on. */
    @Test
    void test4TheSecondItemStartsAfterTheThresholdWhenTheFirstComputes() {
        try (House house = new House(SEED)) {
            Workqueue queue = house.create("bound");
            House.Valve[] valve = {new House.Valve()};
            WorkItem hog = new WorkItem(() -> house.threads.hold(valve[0]::isOpen));
            for (int time = 1; time <= 4; time++) {
                valve[0] = new House.Valve();
                house.ran.clear();
                queue.queue(hog);
                queue.queue(house.item("second"));
                house.advanceMillis(10);
                assertThat(house.ran).isEmpty();
                house.advanceMillis(1);
                assertThat(house.ran).containsExactly("second");
                valve[0].open();
                house.run();
            }
            assertThat(house.reports)
                    .hasSize(1)
                    .first()
                    .isInstanceOfSatisfying(
                            Report.CpuHog.class,
                            hogs -> assertThat(hogs.times()).isEqualTo(4));
        }
    }

    /**
     * INV-4c. Goal: a bound pool runs one item at a time, and two for a moment when one that blocked goes on. Method: items that compute, block and
     * compute again; each is let go on by itself, and whoever computes is counted. The pool asserts the same of its own count at every unlocking.
     */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void inv4cOneComputesAtATimeAndTwoWhenOneGoesOn(long seed) {
        try (House house = new House(seed)) {
            Workqueue queue = house.create("bound");
            List<House.Valve> valves = new ArrayList<>();
            int[] computing = {0};
            int[] most = {0};
            Runnable compute = () -> {
                most[0] = Math.max(most[0], ++computing[0]);
                int[] ticks = {3};
                house.threads.hold(() -> --ticks[0] < 0);
                computing[0]--;
            };
            for (int i = 0; i < 20; i++) {
                House.Valve valve = new House.Valve();
                valves.add(valve);
                queue.queue(new WorkItem(() -> {
                    compute.run();
                    Workqueue.blocking("valve", () -> house.threads.hold(valve::isOpen));
                    compute.run();
                    house.ran.add("over");
                }));
            }
            for (int looks = 0; looks < 200; looks++) {
                house.run();
            }
            assertThat(house.pool("pool-0").running()).as("all block").isZero();
            assertThat(most[0]).as("INV-4c: none went on yet").isEqualTo(1);
            for (House.Valve valve : valves) {
                valve.open();
                queue.queue(new WorkItem(compute));
                for (int looks = 0; looks < 20; looks++) {
                    house.run();
                }
            }
            assertThat(house.ran).hasSize(20);
            assertThat(most[0]).as("INV-4c: one at a time went on").isEqualTo(2);
            assertThat(house.pool("pool-0").running()).isZero();
        }
    }

    /** A queue that says it computes long keeps nobody waiting. */
    @Test
    void anItemOfACpuIntensiveQueueDoesNotCountAsRunning() {
        try (House house = new House(SEED)) {
            House.Valve valve = new House.Valve();
            Workqueue computing = house.create("computing", WorkqueueFlag.CPU_INTENSIVE);
            computing.queue(house.spinning("first", valve));
            house.create("bound").queue(house.item("second"));
            house.run();
            assertThat(house.ran).containsExactly("first", "second");
            assertThat(house.pool("pool-0").running()).isZero();
            valve.open();
            house.run();
            assertThat(house.pool("pool-0").running()).isZero();
        }
    }

    /** An unbound pool gives every item a worker, although none of them blocks. */
    @Test
    void anUnboundPoolRunsAllAtOnce() {
        try (House house = new House(SEED)) {
            House.Valve valve = new House.Valve();
            Workqueue queue = house.create("unbound", WorkqueueFlag.UNBOUND);
            for (int i = 0; i < 10; i++) {
                queue.queue(house.spinning("item", valve));
            }
            house.run();
            assertThat(house.ran).hasSize(10);
            valve.open();
            house.run();
        }
    }

    /** Items of high priority have workers of their own: an item that computes holds up the others only. */
    @Test
    void highPriorityDoesNotStandBehindOthers() {
        try (House house = new House(SEED)) {
            House.Valve valve = new House.Valve();
            house.create("low").queue(house.spinning("low", valve));
            house.run();
            house.create("high", WorkqueueFlag.HIGHPRI).queue(house.item("high"));
            house.run();
            assertThat(house.ran).containsExactly("low", "high");
            valve.open();
            house.run();
        }
    }

    /** TEST-4 (iii), INV-4d: nobody who was idle for 299 s goes; after 301 s all go that are too many, but two. */
    @Test
    void test4IdleWorkersGoAfterThreeHundredSeconds() {
        try (House house = new House(SEED)) {
            withIdleWorkers(house, 8, 0);
            assertThat(house.pool("pool-0").idle()).isEqualTo(9);
            house.advanceSeconds(299);
            assertThat(house.pool("pool-0").idle()).isEqualTo(9);
            house.advanceSeconds(2);
            assertThat(house.pool("pool-0").idle()).isEqualTo(2);
            house.advanceSeconds(1000);
            assertThat(house.pool("pool-0").idle()).isEqualTo(2);
        }
    }

    /** INV-4d: beyond two, as many idle ones stay as are less than a quarter of the busy ones. */
    @Test
    void inv4dTheRatioOfIdleToBusyIsKept() {
        try (House house = new House(SEED)) {
            withIdleWorkers(house, 8, 8);
            house.advanceSeconds(301);
            WorkqueueView.PoolView pool = house.pool("pool-0");
            assertThat(pool.workers() - pool.idle()).isEqualTo(8);
            assertThat(pool.idle()).isEqualTo(3);
        }
    }

    private static void withIdleWorkers(House house, int idle, int busy) {
        Workqueue queue = house.create("many");
        House.Valve ends = new House.Valve();
        for (int i = 0; i < busy; i++) {
            queue.queue(house.blocking("busy", new House.Valve()));
        }
        for (int i = 0; i < idle; i++) {
            queue.queue(house.blocking("short", ends));
        }
        house.run();
        assertThat(house.ran).hasSize(idle + busy);
        ends.open();
        house.run();
    }

    /** INV-4d: the worker that became idle last is woken first. */
    @Test
    void inv4dIdleWorkersAreWokenLastInFirstOut() {
        try (House house = new House(SEED)) {
            Workqueue queue = house.create("bound");
            List<String> order = new ArrayList<>();
            House.Valve[] valves = {new House.Valve(), new House.Valve(), new House.Valve()};
            for (House.Valve valve : valves) {
                queue.queue(new WorkItem(() -> {
                    Workqueue.blocking("valve", () -> house.threads.hold(valve::isOpen));
                    order.add(Thread.currentThread().getName());
                }));
            }
            house.run();
            for (House.Valve valve : valves) {
                valve.open();
                house.advanceMillis(1);
            }
            String last = order.getLast();
            queue.queue(new WorkItem(() -> order.add(Thread.currentThread().getName())));
            house.run();
            assertThat(order).hasSize(4);
            assertThat(order.getLast())
                    .as("INV-4d: the last in is the first out")
                    .isEqualTo(last);
        }
    }

    /** INV-4a, INV-4b: two workers find nobody idle; one manages, the other works, and not before. */
    @Test
    void inv4aAnd4bOneManagerAtATimeAndNobodyWorksBeforeThereIsOne() {
        for (long seed = 0; seed < 50; seed++) {
            try (House house = new House(seed)) {
                Workqueue queue = house.create("unbound", WorkqueueFlag.UNBOUND);
                House.Valve valve = new House.Valve();
                queue.queue(house.spinning("1", valve));
                house.run();
                house.threads.hangCreation(true);
                queue.queue(house.item("2"));
                queue.queue(house.item("3"));
                house.advanceSeconds(1);
                assertThat(house.ran).as("seed %d", seed).containsExactly("1");
                valve.open(); // its worker finds a manager, so it may work
                house.run();
                assertThat(house.ran).as("seed %d", seed).containsExactly("1", "2", "3");
                assertThat(house.pool("pool-u0").managing())
                        .as("INV-4b: who leaves nobody idle behind manages, seed %d", seed)
                        .isTrue();
                queue.queue(house.item("4")); // and so may one that was idle and leaves nobody behind
                house.run();
                assertThat(house.ran)
                        .as("INV-4a: who finds a manager works, seed %d", seed)
                        .containsExactly("1", "2", "3", "4");
                house.threads.hangCreation(false);
                house.run();
                assertThat(house.pool("pool-u0").managing()).isFalse();
            }
        }
    }
}
