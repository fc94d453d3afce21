package redoubt.workqueue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How many items may be active, and that ordered means one after another. */
class ActiveLimitTest {

    private static final long SEED = 6;

    /** TEST-6, INV-6: of a hundred items that wait, exactly four have started; each that ends lets the next one start, in order. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void inv6ExactlyAsManyStartAsAreAllowed(boolean unbound) {
        try (House house = new House(SEED)) {
            WorkqueuePlan plan =
                    unbound ? WorkqueuePlan.named("four", WorkqueueFlag.UNBOUND) : WorkqueuePlan.named("four");
            Workqueue queue = house.queues.create(plan.maxActive(4));
            List<House.Valve> valves = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                valves.add(new House.Valve());
                queue.queue(house.blocking(String.valueOf(i), valves.get(i)));
            }
            house.run();
            assertThat(house.ran).as("INV-6: what is active").hasSize(4).contains("0", "1", "2", "3");
            for (int i = 0; i < 96; i++) {
                valves.get(i).open();
                house.run();
                assertThat(house.ran).hasSize(5 + i).last().isEqualTo(String.valueOf(4 + i));
            }
            valves.forEach(House.Valve::open);
            house.run();
        }
    }

    /** Raising the limit begins what waits, at once; lowering it lets what runs go on. */
    @Test
    void raisingTheLimitBeginsWhatWaits() {
        try (House house = new House(SEED)) {
            Workqueue queue = house.queues.create(WorkqueuePlan.named("grows").maxActive(1));
            House.Valve valve = new House.Valve();
            for (int i = 0; i < 10; i++) {
                queue.queue(house.blocking(String.valueOf(i), valve));
            }
            house.run();
            assertThat(house.ran).hasSize(1);
            queue.setMaxActive(7);
            house.run();
            assertThat(house.ran).hasSize(7);
            queue.setMaxActive(2);
            house.run();
            assertThat(house.ran).hasSize(7);
            queue.setMaxActive(100_000);
            assertThat(queue.view().maxActive()).isEqualTo(WorkqueuePlan.MAX_ACTIVE);
            valve.open();
            house.run();
            assertThat(house.ran).hasSize(10);
        }
    }

    /** An unbound queue's limit is shared among the nodes by their processors, and none has less than its least share. */
    @Test
    void aNodeHasItsShareAndNotLessThanTheLeast() {
        try (House house =
                new House(SEED, options -> WorkqueuesOptions.of(4, report -> {}).inNodes(2))) {
            Workqueue queue = house.queues.create(
                    WorkqueuePlan.named("shared", WorkqueueFlag.UNBOUND).maxActive(20));
            House.Valve valve = new House.Valve();
            for (int i = 0; i < 50; i++) {
                queue.queueOn(0, house.spinning("node 0", valve));
                queue.queueOn(3, house.spinning("node 1", valve));
            }
            house.run();
            assertThat(house.ran).hasSize(20);
            assertThat(house.ran.stream().filter("node 0"::equals)).hasSize(10);
            queue.setMinActive(15);
            house.run();
            assertThat(house.ran).hasSize(30);
            valve.open();
            house.run();
            assertThat(house.ran).hasSize(100);
        }
    }

    /** TEST-6, INV-6: ten thousand items of an ordered queue, which changes its pool on the way, run one at a time and in order. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void test6OrderedStaysOrderedAcrossAChangeOfPools(long seed) {
        try (House house = new House(seed)) {
            WorkerPool.walkLists = false;
            SplittableRandom random = new SplittableRandom(seed);
            Workqueue queue = house.queues.create(WorkqueuePlan.ordered("ordered"));
            List<Integer> order = new ArrayList<>();
            int[] inside = {0};
            for (int i = 0; i < 10_000; i++) {
                int number = i;
                queue.queue(new WorkItem(() -> {
                    assertThat(++inside[0]).isEqualTo(1);
                    if (number % 100 == 0) {
                        int[] ticks = {3};
                        house.threads.hold(() -> --ticks[0] < 0);
                    }
                    order.add(number);
                    inside[0]--;
                }));
                if (i % 1000 == 500) {
                    queue.setHighPriority(i % 2000 == 500);
                }
                for (int steps = random.nextInt(3); steps > 0; steps--) {
                    house.threads.runOne();
                }
            }
            for (int looks = 0; looks < 10; looks++) {
                house.run(); // an item that holds is looked at once a run
            }
            assertThat(order).hasSize(10_000).isSorted();
            assertThat(queue.view().joints()).hasSizeLessThanOrEqualTo(3);
        }
    }

    /** The same with real threads that queue while another changes the pool. */
    @Test
    void test6OrderedStaysOrderedWithRealThreads() throws InterruptedException {
        try (RealHouse house = new RealHouse()) {
            Workqueue queue = house.queues.create(WorkqueuePlan.ordered("ordered", WorkqueueFlag.MEM_RECLAIM));
            List<Integer> order = new ArrayList<>(); // no lock: the queue orders
            AtomicInteger inside = new AtomicInteger();
            AtomicInteger together = new AtomicInteger();
            for (int i = 0; i < 10_000; i++) {
                int number = i;
                queue.queue(new WorkItem(() -> {
                    together.addAndGet(inside.getAndIncrement());
                    order.add(number);
                    inside.decrementAndGet();
                }));
                if (i % 500 == 250) {
                    queue.setHighPriority(i % 1000 == 250);
                }
            }
            assertThat(queue.flush(60 * House.SECOND)).isTrue();
            assertThat(order).hasSize(10_000).isSorted();
            assertThat(together.get()).isZero();
        }
    }

    @Test
    void anOrderedQueueTakesNoOtherLimit() {
        try (House house = new House(SEED)) {
            Workqueue queue = house.queues.create(WorkqueuePlan.ordered("ordered"));
            assertThatThrownBy(() -> queue.setMaxActive(2)).isInstanceOf(UnsupportedOperationException.class);
            assertThatThrownBy(() -> queue.setMinActive(2)).isInstanceOf(UnsupportedOperationException.class);
            Workqueue bound = house.create("bound");
            assertThatThrownBy(() -> bound.setMinActive(2)).isInstanceOf(UnsupportedOperationException.class);
            assertThatThrownBy(() -> bound.setHighPriority(true)).isInstanceOf(UnsupportedOperationException.class);
            assertThatThrownBy(() -> WorkqueuePlan.named("both", WorkqueueFlag.UNBOUND, WorkqueueFlag.PERCPU))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> WorkqueuePlan.named("bound and ordered", WorkqueueFlag.ORDERED))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThat(WorkqueuePlan.named("dflt").maxActive(0).maxActive()).isEqualTo(1024);
            assertThat(WorkqueuePlan.named("few").maxActive(3).minActive()).isEqualTo(3);
        }
    }

    /** While frozen a freezable queue begins nothing; what runs goes on, and what waited begins when it is thawed. */
    @Test
    void aFrozenQueueBeginsNothing() {
        try (House house = new House(SEED)) {
            House.Valve valve = new House.Valve();
            Workqueue freezable = house.queues.system(SystemQueue.FREEZABLE);
            freezable.queue(house.blocking("runs", valve));
            house.run();
            house.queues.freeze();
            freezable.queue(house.item("waits"));
            house.queues.system(SystemQueue.PERCPU).queue(house.item("other"));
            house.advanceSeconds(10);
            assertThat(house.ran).containsExactly("runs", "other");
            assertThat(house.queues.isFreezingBusy()).isTrue();
            valve.open();
            house.run();
            assertThat(house.queues.isFreezingBusy()).isFalse();
            assertThat(house.ran).containsExactly("runs", "other");
            house.queues.thaw();
            house.run();
            assertThat(house.ran).containsExactly("runs", "other", "waits");
        }
    }
}
