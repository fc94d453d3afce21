package redoubt.sim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import redoubt.base.Worker;

/** Threads of which one runs at a time: in an order from the seed, waiting where they like, refused and hung when the test says so. */
class SteppedThreadsTest {

    private static List<String> orderOf(long seed) {
        List<String> order = new ArrayList<>();
        try (SteppedThreads threads = new SteppedThreads(seed, new SteppedTime())) {
            for (String name : List.of("a", "b", "c")) {
                int[] left = {10};
                Worker worker = threads.start(name, () -> {
                    if (left[0] == 0) {
                        return false;
                    }
                    order.add(name);
                    left[0]--;
                    return true;
                });
                worker.wake();
            }
            threads.runAll(1000);
        }
        return order;
    }

    /** Goal: one seed, one order. */
    @Test
    void sameSeedGivesSameOrder() {
        assertThat(orderOf(7)).isEqualTo(orderOf(7)).hasSize(30);
        assertThat(orderOf(7)).isNotEqualTo(orderOf(8));
    }

    /** Goal: a step may stand still while others go on, until a condition, or until a time. */
    @Test
    void aStepMayWaitWhileOthersGoOn() {
        SteppedTime time = new SteppedTime();
        try (SteppedThreads threads = new SteppedThreads(1, time)) {
            List<String> order = new ArrayList<>();
            boolean[] open = {false};
            threads.spawn("waits", () -> {
                threads.hold(() -> open[0]);
                order.add("held");
            });
            threads.spawn("waits for a time", () -> {
                threads.parking().park(() -> false, 5);
                order.add("at " + time.nanos());
            });
            threads.spawn("other", () -> order.add("other"));
            threads.runAll(100);
            assertThat(order).containsExactly("other");
            threads.advance(10, 1);
            assertThat(order).containsExactly("other", "at 5");
            open[0] = true;
            threads.hold(() -> order.contains("held"));
            assertThatThrownBy(() -> threads.hold(() -> false)).isInstanceOf(IllegalStateException.class);
        }
    }

    /** Goal: who asks for a worker in a famine is refused, or stands still until it is over. */
    @Test
    void creationIsRefusedOrHangs() {
        try (SteppedThreads threads = new SteppedThreads(1, new SteppedTime())) {
            threads.allow(0);
            assertThatThrownBy(() -> threads.start("refused", () -> false)).isInstanceOf(OutOfMemoryError.class);
            assertThat(threads.refused()).isEqualTo(1);
            threads.allow(10);
            threads.hangCreation(true);
            List<Worker> made = new ArrayList<>();
            threads.spawn("asker", () -> made.add(threads.start("late", () -> false)));
            threads.runAll(100);
            assertThat(made).isEmpty();
            threads.hangCreation(false);
            threads.runAll(100);
            assertThat(made).hasSize(1);
            assertThat(threads.open()).isEqualTo(1);
            made.getFirst().close();
            assertThat(threads.open()).isZero();
        }
    }

    /** Goal: what a step throws fails the test, at the driver. */
    @Test
    void aFaultReachesTheDriver() {
        try (SteppedThreads threads = new SteppedThreads(1, new SteppedTime())) {
            threads.spawn("faulty", () -> {
                throw new IllegalStateException("on purpose");
            });
            assertThatThrownBy(() -> threads.runAll(10))
                    .isInstanceOf(AssertionError.class)
                    .hasRootCauseMessage("on purpose");
        }
    }
}
