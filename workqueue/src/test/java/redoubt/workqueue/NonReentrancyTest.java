package redoubt.workqueue;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** INV-2b and INV-3 step by step: what happens to an item that is queued while it runs, and where it goes. */
class NonReentrancyTest {

    /** INV-2b: a call while the function runs is accepted, and leads to one further run that sees what was stored before it. */
    @Test
    void inv2bPendingIsClearedBeforeTheFunctionRuns() {
        try (House house = new House(2)) {
            Workqueue queue = house.create("queue");
            House.Valve valve = new House.Valve();
            int[] stored = {1};
            List<Integer> seen = new ArrayList<>();
            WorkItem[] item = new WorkItem[1];
            item[0] = new WorkItem(() -> {
                assertThat(item[0].pending())
                        .as("INV-2b: PENDING while the function runs")
                        .isFalse();
                seen.add(stored[0]);
                house.threads.hold(valve::isOpen);
            });
            queue.queue(item[0]);
            house.run();
            stored[0] = 2;
            assertThat(queue.queue(item[0])).isTrue();
            stored[0] = 3;
            assertThat(queue.queue(item[0])).isFalse();
            valve.open();
            house.run();
            assertThat(seen).containsExactly(1, 3);
        }
    }

    /** TEST-3: another worker that meets an item which runs already hands it to the worker that runs it. */
    @Test
    void inv3ACollidingItemIsRunByTheWorkerThatRunsIt() {
        try (House house = new House(3)) {
            Workqueue queue = house.create("unbound", WorkqueueFlag.UNBOUND);
            House.Valve valve = new House.Valve();
            List<String> by = new ArrayList<>();
            WorkItem item = new WorkItem(() -> {
                by.add(Thread.currentThread().getName());
                house.threads.hold(valve::isOpen);
            });
            queue.queue(item);
            house.run();
            assertThat(queue.queue(item)).isTrue();
            house.run();
            assertThat(by).as("INV-3: who runs one item at once").hasSize(1);
            valve.open();
            house.run();
            assertThat(by).hasSize(2);
            assertThat(by.get(1)).isEqualTo(by.get(0));
        }
    }

    /** Queued on another processor while it runs on the first, it goes to the first. */
    @Test
    void anItemIsQueuedWhereItRuns() {
        try (House house = new House(3, options -> WorkqueuesOptions.of(2, report -> {}))) {
            Workqueue queue = house.create("bound");
            House.Valve valve = new House.Valve();
            int[] inside = {0};
            WorkItem item = new WorkItem(() -> {
                assertThat(++inside[0]).isEqualTo(1);
                Workqueue.blocking("valve", () -> house.threads.hold(valve::isOpen));
                inside[0]--;
                house.ran.add("ran");
            });
            queue.queueOn(0, item);
            house.run();
            queue.queueOn(1, item);
            house.run();
            assertThat(queue.view().joints().get(1).inFlight()).isZero();
            assertThat(queue.view().joints().get(0).inFlight()).isEqualTo(2);
            valve.open();
            house.run();
            assertThat(house.ran).hasSize(2);
            queue.queueOn(1, item);
            assertThat(queue.view().joints().get(1).inFlight()).isEqualTo(1);
            house.run();
        }
    }
}
