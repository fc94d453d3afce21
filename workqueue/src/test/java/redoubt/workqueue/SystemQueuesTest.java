package redoubt.workqueue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import redoubt.sim.SteppedThreads;
import redoubt.sim.SteppedTime;

/** The queues that are there for everybody, the house that holds them, and its picture. */
class SystemQueuesTest {

    /** The kernel's names and limits; none has a rescuer, which is what the hang of 2023 was about. */
    @Test
    void theSystemQueuesHaveTheKernelsNamesAndNoneHasARescuer() {
        try (House house = new House(11)) {
            List<WorkqueueView.QueueView> queues = house.queues.view().queues();
            assertThat(queues.stream().map(queue -> queue.name() + " " + queue.maxActive()))
                    .containsExactlyInAnyOrder(
                            "events 1024",
                            "events_highpri 1024",
                            "events_long 1024",
                            "events_unbound 2048",
                            "events_freezable 1024",
                            "events_power_efficient 1024",
                            "events_freezable_pwr_efficient 1024",
                            "events_dfl_long 2048");
            assertThat(queues).noneMatch(queue -> queue.flags().contains(WorkqueueFlag.MEM_RECLAIM) || queue.rescuer());
            for (SystemQueue which : SystemQueue.values()) {
                house.queues.system(which).queue(house.item(which.name()));
            }
            house.run();
            assertThat(house.ran).hasSize(SystemQueue.values().length);
        }
    }

    /** Waiting for whatever anybody has queued is told of, once for each queue; waiting for one item of it, or for a queue of one's own, is not. */
    @Test
    void aFlushOfASystemQueueIsToldOf() throws Exception {
        try (House house = new House(16)) {
            Workqueue system = house.queues.system(SystemQueue.UNBOUND);
            WorkItem item = house.item("item");
            system.queue(item);
            assertThat(item.flush(House.LIMIT_NANOS)).isTrue();
            assertThat(house.create("own").flush(House.LIMIT_NANOS)).isTrue();
            assertThat(house.reports).isEmpty();
            for (int i = 0; i < 3; i++) {
                assertThat(system.flush(House.LIMIT_NANOS)).isTrue();
            }
            assertThat(house.reports).containsExactly(new Report.SystemQueueFlush("events_unbound"));
        }
    }

    /** Where power is to be saved, queues that ask for it are unbound. */
    @Test
    void powerEfficientQueuesAreUnboundWherePowerIsSaved() {
        try (House house = new House(12, options -> options.savingPower(true))) {
            Workqueue queue = house.queues.system(SystemQueue.POWER_EFFICIENT);
            assertThat(queue.view().joints())
                    .singleElement()
                    .satisfies(joint -> assertThat(joint.pool()).isEqualTo("pool-u0"));
        }
    }

    /** INV-5a's condition: a pool without a worker would have no manager, so a house without one is not built. */
    @Test
    void everyPoolHasItsFirstWorkerOrThereIsNoHouse() {
        SteppedTime time = new SteppedTime();
        try (SteppedThreads threads = new SteppedThreads(13, time)) {
            threads.allow(3);
            assertThatThrownBy(() -> new Workqueues(time, threads, WorkqueuesOptions.of(2, report -> {})))
                    .isInstanceOf(OutOfMemoryError.class);
            assertThat(threads.open()).isZero();
            assertThat(time.registered()).isZero();
        }
    }

    /** A closed house leaves no worker and no beat. */
    @Test
    void aClosedHouseLeavesNothingBehind() {
        House house = new House(14);
        house.create("reclaim", WorkqueueFlag.MEM_RECLAIM);
        house.queues.close();
        assertThat(house.threads.open()).isZero();
        assertThat(house.time.registered()).isZero();
        house.threads.close();
    }

    /** Two queues of equal attributes share a pool. */
    @Test
    void unboundQueuesOfEqualPriorityShareAPool() {
        try (House house = new House(15)) {
            house.create("one", WorkqueueFlag.UNBOUND);
            house.create("two", WorkqueueFlag.UNBOUND);
            house.create("three", WorkqueueFlag.UNBOUND, WorkqueueFlag.HIGHPRI);
            assertThat(house.queues.view().pools().stream().map(WorkqueueView.PoolView::name))
                    .containsExactly("pool-0", "pool-0-high", "pool-u0", "pool-u0-high");
        }
    }
}
