package redoubt.workqueue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Who may wait for whom: as it happens, and as it was declared. */
class DependencyTest {

    private static final long SEED = 9;

    enum Waiter {
        RECLAIMER,
        RECLAIM_ITEM,
        LEGACY_RECLAIM_ITEM,
        PLAIN_ITEM,
        PLAIN_THREAD
    }

    enum How {
        FLUSH_ITEM,
        FLUSH_QUEUE,
        CANCEL
    }

    /** TEST-9, INV-9: of all who wait for all, told are those that reclaim may hang by, and cancelling never. */
    @ParameterizedTest
    @EnumSource
    void test9WhoReclaimDependsOnWaitsOnlyForQueuesWithARescuer(How how) {
        for (Waiter waiter : Waiter.values()) {
            for (boolean targetRescued : new boolean[] {true, false}) {
                boolean told = told(waiter, targetRescued, how);
                boolean must = (waiter == Waiter.RECLAIMER || waiter == Waiter.RECLAIM_ITEM)
                        && !targetRescued
                        && how != How.CANCEL;
                assertThat(told)
                        .as("%s, rescued %s, %s", waiter, targetRescued, how)
                        .isEqualTo(must);
            }
        }
    }

    private static boolean told(Waiter waiter, boolean targetRescued, How how) {
        try (House house = new House(SEED)) {
            Workqueue target =
                    targetRescued ? house.create("target", WorkqueueFlag.MEM_RECLAIM) : house.create("target");
            House.Valve valve = new House.Valve();
            WorkItem item = house.blocking("item", valve);
            target.queue(item);
            house.run();
            Runnable wait = () -> {
                try {
                    for (int time = 0; time < 2; time++) {
                        switch (how) {
                            case FLUSH_ITEM -> item.flush(House.LIMIT_NANOS);
                            case FLUSH_QUEUE -> target.flush(House.LIMIT_NANOS);
                            case CANCEL -> item.cancelAndWait(House.LIMIT_NANOS);
                        }
                    }
                } catch (InterruptedException | TimeoutException failed) {
                    throw new AssertionError(failed);
                }
                house.ran.add("waited");
            };
            switch (waiter) {
                case RECLAIMER ->
                    house.threads.spawn("reclaimer", () -> {
                        try (ReclaimScope _ = ReclaimScope.enter()) {
                            wait.run();
                        }
                    });
                case PLAIN_THREAD -> house.threads.spawn("thread", wait);
                case RECLAIM_ITEM -> inItem(house, wait, WorkqueueFlag.MEM_RECLAIM);
                case LEGACY_RECLAIM_ITEM -> inItem(house, wait, WorkqueueFlag.MEM_RECLAIM, WorkqueueFlag.LEGACY);
                case PLAIN_ITEM -> inItem(house, wait);
            }
            house.run();
            valve.open();
            house.run();
            assertThat(house.ran).contains("waited");
            long told = house.reports.stream()
                    .filter(Report.FlushDependency.class::isInstance)
                    .count();
            assertThat(told).as("told once, however often it waits").isLessThan(2);
            return told == 1;
        }
    }

    private static void inItem(House house, Runnable wait, WorkqueueFlag... flags) {
        house.queues
                .create(WorkqueuePlan.named("waiter", flags))
                .queue(new WorkItem(() -> Workqueue.blocking("target", wait::run)));
    }

    /** A wait that is no flush is seen when it was not declared: an item that waits for an answer from outside, for instance. */
    @Test
    void aWaitThatWasNotDeclaredIsTold() {
        try (House house = new House(SEED)) {
            Workqueue queue = house.queues.create(
                    WorkqueuePlan.named("asks", WorkqueueFlag.MEM_RECLAIM).declaring(Waits.on("member lanes")));
            queue.queue(new WorkItem(() -> Workqueue.blocking("member lanes", () -> house.ran.add("declared"))));
            house.run();
            assertThat(house.reports).isEmpty();
            queue.queue(new WorkItem(() -> Workqueue.blocking("daemon", () -> house.ran.add("undeclared"))));
            house.run();
            assertThat(house.reports).containsExactly(new Report.UndeclaredWait("asks", "daemon"));
            assertThat(house.ran).containsExactly("declared", "undeclared");
        }
    }

    /** The hang of 2023, as it would have been declared: it is a circle, and refused before anything runs. */
    @Test
    void aCircleOfWaitsIsRefusedAndNamed() {
        WaitGraph graph = new WaitGraph();
        graph.declare("write", Waits.on("dirty mark"));
        graph.declare("dirty mark", Waits.on("daemon"));
        graph.declare("daemon", Waits.on("notify", "memory"));
        assertThatThrownBy(() -> graph.declare("memory", Waits.on("write")))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("a circle of waits: ")
                .hasMessageContaining("memory -> write -> dirty mark");
        graph.declare("memory", Waits.forNothing());
        assertThat(graph.waits()).contains("dirty mark -> daemon").doesNotContain("memory -> write");
        assertThatThrownBy(() -> graph.declare("self", Waits.on("self"))).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> Workqueue.orderedMemReclaim("self", Waits.on("self"), (name, step) -> {
                    throw new AssertionError("no worker is made for a queue that is refused");
                }))
                .isInstanceOf(IllegalStateException.class);
    }

    /** What reclaim depends on may not wait for a queue without a rescuer, over however many steps, in whatever order they are declared. */
    @ParameterizedTest
    @CsvSource({"true", "false"})
    void reclaimMayNotDependOnAQueueWithoutARescuer(boolean systemFirst) {
        try (House house = new House(SEED)) {
            if (systemFirst) {
                assertThatThrownBy(() -> house.queues.create(WorkqueuePlan.named("kernfs_wq", WorkqueueFlag.MEM_RECLAIM)
                                .declaring(Waits.on("events").neededBy("write path"))))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("write path -> kernfs_wq -> events");
            } else {
                house.queues.graph().declare("daemon", Waits.on("late queue").neededBy("write path"));
                assertThatThrownBy(() -> house.create("late queue")).isInstanceOf(IllegalStateException.class);
                house.create("late queue", WorkqueueFlag.MEM_RECLAIM);
            }
            assertThatThrownBy(() -> WorkqueuePlan.named("unrescued")
                            .declaring(Waits.forNothing().neededBy("write path")))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }
}
