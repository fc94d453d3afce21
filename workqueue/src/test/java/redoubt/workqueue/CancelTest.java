package redoubt.workqueue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Taking back, disabling, and delayed work. */
class CancelTest {

    private static final long SEED = 8;

    private static boolean cancelAndWait(WorkItem item) {
        try {
            return item.cancelAndWait(House.LIMIT_NANOS);
        } catch (InterruptedException | TimeoutException failed) {
            throw new AssertionError(failed);
        }
    }

    private static void disableAndWait(WorkItem item) {
        try {
            item.disableAndWait(House.LIMIT_NANOS);
        } catch (InterruptedException | TimeoutException failed) {
            throw new AssertionError(failed);
        }
    }

    /** TEST-8, INV-8: an item that queues itself for ever is over when the call returns, also for two callers at once. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void test8AnItemThatQueuesItselfIsCancelledForGood(long seed) {
        try (House house = new House(seed)) {
            Workqueue queue = house.create("queue");
            int[] runs = {0};
            int[] afterCancel = {0};
            WorkItem[] item = new WorkItem[1];
            item[0] = new WorkItem(() -> {
                runs[0]++;
                int[] ticks = {2};
                house.threads.hold(() -> --ticks[0] < 0);
                queue.queue(item[0]);
            });
            queue.queue(item[0]);
            for (int i = 0; i < 20 + seed; i++) {
                house.threads.runOne();
            }
            for (int i = 0; i < 2; i++) {
                house.threads.spawn("canceller " + i, () -> {
                    cancelAndWait(item[0]);
                    afterCancel[0]++;
                });
            }
            house.run();
            assertThat(afterCancel[0]).isEqualTo(2);
            assertThat(item[0].pending()).isFalse();
            assertThat(item[0].isRunning()).isFalse();
            int then = runs[0];
            house.advanceSeconds(1);
            assertThat(runs[0]).isEqualTo(then).isPositive();
            assertThat(item[0].disableDepth()).isZero();
        }
    }

    /** TEST-8: while disabled it is not queued, and enabling queues nothing; it counts how often. */
    @Test
    void test8ADisabledItemIsNotQueued() {
        try (House house = new House(SEED)) {
            Workqueue queue = house.create("queue");
            WorkItem item = house.item("item");
            queue.queue(item);
            assertThat(item.disable()).isTrue();
            assertThat(item.disable()).isFalse();
            assertThat(queue.queue(item)).isFalse();
            assertThat(item.enable()).isFalse();
            assertThat(queue.queue(item)).isFalse();
            assertThat(item.enable()).isTrue();
            house.run();
            assertThat(house.ran).isEmpty();
            assertThatThrownBy(item::enable).isInstanceOf(IllegalStateException.class);
            assertThat(queue.queue(item)).isTrue();
            house.run();
            assertThat(house.ran).containsExactly("item");
        }
    }

    /** INV-8: disabling with a wait returns when the run is over; without one it does not wait; a limit is kept. */
    @Test
    void inv8DisableAndWaitReturnsWhenTheRunIsOver() {
        try (House house = new House(SEED)) {
            House.Valve valve = new House.Valve();
            Workqueue queue = house.create("queue");
            WorkItem item = house.blocking("runs", valve);
            queue.queue(item);
            house.run();
            assertThat(item.disable()).isFalse();
            assertThat(item.isRunning()).isTrue();
            house.threads.spawn(
                    "impatient",
                    () -> assertThatThrownBy(
                                    () -> item.disableAndWait(House.SECOND), "INV-8: who waits for a run that goes on")
                            .isInstanceOf(TimeoutException.class));
            house.threads.spawn("patient", () -> {
                disableAndWait(item);
                house.ran.add(item.isRunning() || item.pending() ? "returned too early" : "over");
            });
            house.advanceSeconds(2);
            assertThat(house.ran).containsExactly("runs");
            valve.open();
            house.run();
            assertThat(house.ran).containsExactly("runs", "over");
            assertThat(item.disableDepth()).isEqualTo(3);
        }
    }

    /** Cancelling an idle item does nothing; a pending one never runs, wherever it waits. */
    @Test
    void aCancelledItemNeverRunsWhereverItWaits() {
        try (House house = new House(SEED)) {
            House.Valve valve = new House.Valve();
            Workqueue queue = house.queues.create(WorkqueuePlan.named("one").maxActive(1));
            WorkItem idle = house.item("idle");
            assertThat(idle.cancel()).isFalse();
            assertThat(cancelAndWait(idle)).isFalse();
            queue.queue(house.spinning("first", valve));
            house.run();
            WorkItem inactive = house.item("inactive");
            WorkItem last = house.item("last");
            queue.queue(inactive);
            queue.queue(last);
            assertThat(inactive.cancel()).isTrue();
            assertThat(inactive.pending()).isFalse();
            assertThat(queue.view().joints().getFirst().inactive()).isEqualTo(1);
            valve.open();
            house.run();
            assertThat(house.ran).containsExactly("first", "last");
            assertThat(queue.queue(inactive)).isTrue();
            house.run();
            assertThat(house.ran).containsExactly("first", "last", "inactive");
        }
    }

    /** A delayed item is pending until its time has come, cannot be queued meanwhile, and is moved by modifyAfter. */
    @Test
    void delayedWorkRunsWhenItsTimeHasCome() {
        try (House house = new House(SEED)) {
            Workqueue queue = house.create("queue");
            DelayedWork item = new DelayedWork(() -> house.ran.add("at " + house.millis()));
            assertThat(queue.queueAfter(50 * House.MILLI, item)).isTrue();
            assertThat(queue.queueAfter(10 * House.MILLI, item)).isFalse();
            assertThat(queue.queue(item)).isFalse();
            assertThat(item.pending()).isTrue();
            house.advanceMillis(49);
            assertThat(house.ran).isEmpty();
            house.advanceMillis(1);
            assertThat(house.ran).containsExactly("at 50");

            assertThat(queue.modifyAfter(10 * House.MILLI, item)).isFalse();
            assertThat(queue.modifyAfter(5000 * House.MILLI, item)).isTrue();
            house.advanceMillis(4999);
            assertThat(house.ran).containsExactly("at 50");
            house.advanceMillis(1);
            assertThat(house.ran).containsExactly("at 50", "at 5050");

            assertThat(queue.queueAfter(0, item)).isTrue();
            house.run();
            assertThat(house.ran).containsExactly("at 50", "at 5050", "at 5050");
        }
    }

    /** Each of many delays, also beyond one turn of the wheel, is kept to the beat. */
    @Test
    void everyDelayIsKept() {
        try (House house = new House(SEED)) {
            Workqueue queue = house.create("queue");
            int[] late = {0};
            for (int delay = 1; delay < 3000; delay += 7) {
                int due = delay;
                queue.queueAfter(delay * House.MILLI, new DelayedWork(() -> {
                    house.ran.add("");
                    late[0] += (int) house.millis() - due;
                }));
            }
            house.advanceMillis(3000);
            assertThat(house.ran).hasSize(429);
            assertThat(late[0]).isZero();
        }
    }

    @Test
    void delayedWorkIsCancelledFlushedAndRefusedLikeAnyOther() throws Exception {
        try (House house = new House(SEED)) {
            Workqueue queue = house.create("queue");
            DelayedWork item = new DelayedWork(() -> house.ran.add("ran"));
            queue.queueAfter(House.SECOND, item);
            assertThat(item.cancel()).isTrue();
            assertThat(item.pending()).isFalse();
            house.advanceSeconds(2);
            assertThat(house.ran).isEmpty();

            queue.queueAfter(3600 * House.SECOND, item);
            assertThat(item.flush(House.LIMIT_NANOS)).isFalse(); // it is not queued yet
            assertThat(item.flushNow(House.LIMIT_NANOS)).isTrue();
            assertThat(house.ran).containsExactly("ran");
            assertThat(item.pending()).isFalse();

            queue.queueAfter(House.SECOND, item);
            assertThat(item.disable()).isTrue();
            assertThat(queue.queueAfter(0, item)).isFalse();
            assertThat(queue.modifyAfter(0, item)).isFalse();
            item.enable();
            house.advanceSeconds(2);
            assertThat(house.ran).containsExactly("ran");

            Workqueue alone = Workqueue.orderedMemReclaim("no heartbeat", house.threads);
            assertThatThrownBy(() -> alone.queueAfter(1, item)).isInstanceOf(UnsupportedOperationException.class);
            assertThat(item.pending()).isFalse();
            alone.close();
        }
    }

    /** INV-8 of delayed work: on its timer it is taken off; one that runs and sets its own timer is waited for, and sets none any more. */
    @Test
    void inv8DelayedWorkIsCancelledForGood() {
        try (House house = new House(SEED)) {
            Workqueue queue = house.create("queue");
            DelayedWork waits = new DelayedWork(() -> house.ran.add("waited"));
            queue.queueAfter(House.SECOND, waits);
            assertThat(cancelAndWait(waits)).isTrue();
            assertThat(waits.pending()).isFalse();
            house.advanceSeconds(2);
            assertThat(house.ran).isEmpty();

            House.Valve valve = new House.Valve();
            DelayedWork[] rearms = new DelayedWork[1];
            rearms[0] = new DelayedWork(() -> {
                house.ran.add("ran");
                Workqueue.blocking("valve", () -> house.threads.hold(valve::isOpen));
                house.ran.add("set again: " + queue.queueAfter(House.MILLI, rearms[0]));
            });
            queue.queueAfter(House.MILLI, rearms[0]);
            house.advanceMillis(2);
            house.threads.spawn("canceller", () -> house.ran.add("cancelled: " + cancelAndWait(rearms[0])));
            house.advanceMillis(10);
            assertThat(house.ran).containsExactly("ran");
            valve.open();
            house.advanceSeconds(2);
            assertThat(house.ran).containsExactly("ran", "set again: false", "cancelled: false");
            assertThat(rearms[0].pending()).isFalse();
            assertThat(rearms[0].disableDepth()).isZero();
            assertThat(queue.queueAfter(House.MILLI, rearms[0])).isTrue();
            assertThat(cancelAndWait(rearms[0])).isTrue();
        }
    }
}
