package redoubt.workqueue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.base.Threads;
import redoubt.base.WorkerFactory;

/** Waiting for one item, and for a whole queue by colours. */
class FlushTest {

    private static final long SEED = 7;

    private static boolean flush(Workqueue queue) {
        try {
            return queue.flush(House.LIMIT_NANOS);
        } catch (InterruptedException stopped) {
            throw new AssertionError(stopped);
        }
    }

    private static boolean flush(WorkItem item) {
        try {
            return item.flush(House.LIMIT_NANOS);
        } catch (InterruptedException | TimeoutException failed) {
            throw new AssertionError(failed);
        }
    }

    /** TEST-7, INV-7a: the queue's one slot is taken by A, and who waits for A needs none. */
    @Test
    void inv7aABarrierHoldsNoActiveSlot() {
        try (House house = new House(SEED)) {
            House.Valve valve = new House.Valve();
            Workqueue queue = house.queues.create(WorkqueuePlan.named("one").maxActive(1));
            WorkItem first = house.blocking("a", valve);
            WorkItem second = house.item("b");
            queue.queue(first);
            queue.queue(second);
            house.run();
            house.threads.spawn("waits for a", () -> house.ran.add("a is over: " + flush(first)));
            house.threads.spawn("waits for b", () -> house.ran.add("b is over: " + flush(second)));
            house.run();
            assertThat(house.ran).containsExactly("a");
            WorkqueueView.QueueView view = queue.view();
            assertThat(view.joints().getFirst().active())
                    .as("INV-7a: slots that are held")
                    .isEqualTo(1);
            assertThat(view.joints().getFirst().inFlight()).isEqualTo(4);
            valve.open();
            house.run();
            assertThat(house.ran).containsExactlyInAnyOrder("a", "a is over: true", "b", "b is over: true");
            assertThat(house.ran.indexOf("b")).isLessThan(house.ran.indexOf("b is over: true"));
        }
    }

    /** INV-7a: an item that is nowhere is not waited for; one that runs and is queued again is waited for until its second run is over. */
    @Test
    void inv7aTheLastQueuedInstanceIsWaitedFor() {
        try (House house = new House(SEED)) {
            Workqueue queue = house.create("queue");
            House.Valve[] valve = {new House.Valve()};
            AtomicInteger runs = new AtomicInteger();
            WorkItem item = new WorkItem(() -> {
                house.threads.hold(valve[0]::isOpen);
                runs.incrementAndGet();
            });
            assertThat(flush(item)).isFalse();
            queue.queue(item);
            house.run();
            queue.queue(item);
            house.threads.spawn("flusher", () -> {
                assertThat(flush(item)).isTrue();
                house.ran.add("after " + runs.get());
            });
            house.run();
            valve[0].open();
            house.run();
            assertThat(house.ran).containsExactly("after 2");
            assertThat(flush(item)).isFalse();
        }
    }

    /** A barrier goes where its item goes, and stays behind to tell when the item is cancelled, active or not. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whoWaitsForAnItemThatIsCancelledIsTold(boolean active) {
        try (House house = new House(SEED)) {
            House.Valve valve = new House.Valve();
            Workqueue queue = house.queues.create(WorkqueuePlan.named("queue").maxActive(active ? 8 : 1));
            queue.queue(house.spinning("first", valve));
            house.run();
            WorkItem item = house.item("cancelled");
            queue.queue(item);
            house.threads.spawn("one", () -> house.ran.add("one " + flush(item)));
            house.threads.spawn("two", () -> house.ran.add("two " + flush(item)));
            house.run();
            assertThat(item.cancel()).isTrue();
            valve.open();
            house.run();
            assertThat(house.ran).containsExactlyInAnyOrder("first", "one true", "two true");
            assertThat(queue.view().joints().getFirst().inFlight()).isZero();
        }
    }

    /** A flush that gives up harms nobody: its barrier is run when its time comes. */
    @Test
    void aFlushThatGivesUpLeavesNothingBehind() {
        try (House house = new House(SEED)) {
            House.Valve valve = new House.Valve();
            Workqueue queue = house.create("queue");
            WorkItem item = house.blocking("item", valve);
            queue.queue(item);
            house.run();
            house.threads.spawn(
                    "impatient",
                    () -> assertThatThrownBy(() -> item.flush(5 * House.MILLI)).isInstanceOf(TimeoutException.class));
            house.threads.spawn("impatient too", () -> {
                try {
                    house.ran.add("in time: " + queue.flush(5 * House.MILLI));
                } catch (InterruptedException stopped) {
                    throw new AssertionError(stopped);
                }
            });
            house.advanceMillis(6);
            assertThat(house.ran).containsExactly("item", "in time: false");
            valve.open();
            house.run();
            assertThat(queue.view().joints().getFirst().inFlight()).isZero();
            assertThat(queue.view().flushes()).isZero();
            assertThat(flush(queue)).isTrue();
        }
    }

    /** TEST-7, INV-7b: an item that queues itself for ever does not hold up a flush that began before. */
    @Test
    void inv7bAFlushDoesNotWaitForWhatIsQueuedLater() {
        try (House house = new House(SEED)) {
            House.Valve valve = new House.Valve();
            Workqueue queue = house.create("queue");
            queue.queue(house.blocking("before", valve));
            house.run();
            boolean[] stop = {false};
            house.threads.spawn("flusher", () -> {
                flush(queue);
                house.ran.add("flushed");
                stop[0] = true;
            });
            house.run();
            WorkItem[] endless = new WorkItem[1];
            endless[0] = new WorkItem(() -> {
                if (!stop[0]) {
                    queue.queue(endless[0]);
                }
            });
            queue.queue(endless[0]);
            for (int i = 0; i < 1000; i++) {
                house.threads.runOne();
            }
            assertThat(stop[0]).isFalse();
            valve.open();
            for (int i = 0; i < 10_000 && !stop[0]; i++) {
                house.threads.runOne();
            }
            assertThat(house.ran)
                    .as("INV-7b: the flush ends while an item queues itself")
                    .containsExactly("before", "flushed");
            house.run();
        }
    }

    /** TEST-7, INV-7c: forty flushes at once, more than there are colours: none is lost, and each saw what was queued before it. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void test7FortyFlushesShareSixteenColours(long seed) {
        try (House house = new House(seed, options -> WorkqueuesOptions.of(2, report -> {}))) {
            Workqueue queue = house.create("queue");
            List<House.Valve> valves = new ArrayList<>();
            int[] returned = {0};
            for (int i = 0; i < 40; i++) {
                House.Valve valve = new House.Valve();
                valves.add(valve);
                String name = "item " + i;
                boolean[] over = {false};
                queue.queueOn(i % 2, new WorkItem(() -> {
                    Workqueue.blocking("valve", () -> house.threads.hold(valve::isOpen));
                    over[0] = true;
                }));
                house.threads.spawn("flusher " + i, () -> {
                    assertThat(flush(queue)).isTrue();
                    assertThat(over[0]).as(name).isTrue();
                    returned[0]++;
                });
                house.run();
            }
            assertThat(queue.view().flushes()).isEqualTo(40);
            assertThat(returned[0]).isZero();
            for (int i = 39; i > 0; i--) {
                valves.get(i).open();
                house.run();
                assertThat(returned[0]).as("the oldest item is not over").isZero();
            }
            valves.getFirst().open();
            house.run();
            assertThat(returned[0]).isEqualTo(40);
            assertThat(queue.view().flushes()).isZero();
        }
    }

    /** TEST-7 with real threads, in bound and unbound pools and in a queue of its own. */
    @ParameterizedTest
    @ValueSource(strings = {"bound", "unbound", "own"})
    void test7FortyThreadsFlushWhileItemsFlow(String kind) throws InterruptedException {
        try (RealHouse house = new RealHouse()) {
            Workqueue queue = switch (kind) {
                case "own" -> Workqueue.orderedMemReclaim("flow", WorkerFactory.threads());
                case "bound" -> house.queues.create(WorkqueuePlan.named("flow"));
                default -> house.queues.create(WorkqueuePlan.named("flow", WorkqueueFlag.UNBOUND));
            };
            AtomicInteger wrong = new AtomicInteger();
            CountDownLatch done = new CountDownLatch(40);
            for (int t = 0; t < 40; t++) {
                Threads.start("flusher-" + t, () -> {
                    try {
                        for (int i = 0; i < 20; i++) {
                            AtomicInteger ran = new AtomicInteger();
                            for (int k = 0; k < 5; k++) {
                                queue.queue(new WorkItem(ran::incrementAndGet));
                            }
                            if (!queue.flush(TimeUnit.SECONDS.toNanos(60)) || ran.get() != 5) {
                                wrong.incrementAndGet();
                            }
                        }
                    } catch (InterruptedException stopped) {
                        wrong.incrementAndGet();
                    }
                    done.countDown();
                });
            }
            assertThat(done.await(100, TimeUnit.SECONDS)).isTrue();
            assertThat(wrong.get()).isZero();
            assertThat(queue.view().flushes()).isZero();
            queue.close();
        }
    }

    /** Drain accepts what the queue's own items queue, and nothing else; it ends when they end. */
    @Test
    void aDrainLetsItemsQueueEachOtherAndNobodyElse() {
        try (House house = new House(SEED)) {
            Workqueue queue = house.create("queue");
            House.Valve valve = new House.Valve();
            int[] left = {25};
            WorkItem[] chain = new WorkItem[1];
            chain[0] = new WorkItem(() -> {
                house.threads.hold(valve::isOpen);
                if (left[0]-- > 0) {
                    queue.queue(chain[0]);
                }
            });
            queue.queue(chain[0]);
            house.threads.spawn("drainer", () -> {
                try {
                    house.ran.add("drained: " + queue.drain(House.LIMIT_NANOS));
                } catch (InterruptedException stopped) {
                    throw new AssertionError(stopped);
                }
            });
            house.run();
            assertThat(queue.queue(house.item("from outside"))).isFalse();
            assertThat(house.reports).contains(new Report.RefusedWhileDraining("queue"));
            valve.open();
            house.run();
            assertThat(house.ran).containsExactly("drained: true");
            assertThat(left[0]).isEqualTo(-1);
            assertThat(house.reports).contains(new Report.SlowDrain("queue", 10));
            assertThat(queue.queue(house.item("afterwards"))).isTrue();
            house.run();
        }
    }

    /** Drains nest: the queue refuses others until the last of them is over, however the first one ended. */
    @Test
    void aDrainWithinADrainGoesOnRefusing() {
        try (House house = new House(SEED)) {
            Workqueue queue = house.create("queue");
            House.Valve valve = new House.Valve();
            queue.queue(house.blocking("item", valve));
            house.run();
            for (long limit : new long[] {5 * House.MILLI, House.LIMIT_NANOS}) {
                house.threads.spawn("drainer", () -> {
                    try {
                        house.ran.add("drained: " + queue.drain(limit));
                    } catch (InterruptedException stopped) {
                        throw new AssertionError(stopped);
                    }
                });
            }
            house.advanceMillis(6);
            assertThat(house.ran).containsExactly("item", "drained: false");
            assertThat(queue.view().draining()).isTrue();
            assertThat(queue.queue(house.item("from outside"))).isFalse();
            valve.open();
            house.run();
            assertThat(house.ran).containsExactly("item", "drained: false", "drained: true");
            assertThat(queue.view().draining()).isFalse();
            assertThat(queue.queue(house.item("afterwards"))).isTrue();
            house.run();
        }
    }

    /** Destroying ends the rescuer, or says what is left when it cannot. */
    @Test
    void destroyDrainsFirstAndTellsWhatIsLeft() throws InterruptedException {
        try (House house = new House(SEED)) {
            Workqueue queue = house.create("gone", WorkqueueFlag.MEM_RECLAIM);
            int open = house.threads.open();
            queue.queue(house.item("a"));
            assertThat(queue.destroy(House.LIMIT_NANOS)).isTrue();
            assertThat(house.ran).containsExactly("a");
            assertThat(house.threads.open()).isLessThanOrEqualTo(open);
            assertThat(queue.queue(house.item("b"))).isFalse();

            House.Valve never = new House.Valve();
            Workqueue stuck = house.create("stuck");
            stuck.queue(house.blocking("stuck", never));
            boolean[] empty = {true};
            house.threads.spawn("destroyer", () -> {
                try {
                    empty[0] = stuck.destroy(House.SECOND);
                } catch (InterruptedException stopped) {
                    throw new AssertionError(stopped);
                }
            });
            house.advanceSeconds(2);
            assertThat(empty[0]).isFalse();
            assertThat(house.reports).contains(new Report.StillBusy("stuck", 1, 0));
        }
    }

    @Test
    void anItemCannotWaitForItselfOrForItsOwnQueue() {
        try (House house = new House(SEED)) {
            Workqueue queue = house.create("queue");
            WorkItem[] item = new WorkItem[1];
            item[0] = new WorkItem(() -> {
                assertThatThrownBy(() -> item[0].flush(1)).isInstanceOf(IllegalStateException.class);
                assertThatThrownBy(() -> item[0].cancelAndWait(1)).isInstanceOf(IllegalStateException.class);
                assertThatThrownBy(() -> queue.flush(1)).isInstanceOf(IllegalStateException.class);
                assertThatThrownBy(() -> queue.drain(1)).isInstanceOf(IllegalStateException.class);
                house.ran.add("refused");
            });
            queue.queue(item[0]);
            house.run();
            assertThat(house.ran).containsExactly("refused");
        }
    }
}
