package redoubt.sim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import redoubt.base.Beat;
import redoubt.base.Worker;

/** The stepped side of the seam does what the threaded side does, one step at a time. */
class SteppedTest {

    /** Goal: one seed, one order. Method: three workers that each note their steps. */
    @Test
    void sameSeedGivesSameOrder() {
        assertThat(orderOf(7)).isEqualTo(orderOf(7)).hasSize(30);
        assertThat(orderOf(7)).isNotEqualTo(orderOf(8));
    }

    private static List<String> orderOf(long seed) {
        SteppedWorkers workers = new SteppedWorkers(seed);
        List<String> order = new ArrayList<>();
        for (String name : List.of("a", "b", "c")) {
            int[] left = {10};
            Worker worker = workers.start(name, () -> {
                if (left[0] == 0) {
                    return false;
                }
                order.add(name);
                left[0]--;
                return true;
            });
            worker.wake();
        }
        workers.runAll(1000);
        assertThat(workers.stepsTaken()).isEqualTo(30);
        return order;
    }

    /** Goal: a worker with nothing to do runs again only when it is woken, and never after it was closed. */
    @Test
    void sleepsUntilWoken() {
        SteppedWorkers workers = new SteppedWorkers(1);
        int[] steps = {0};
        Worker worker = workers.start("w", () -> {
            steps[0]++;
            return false;
        });
        assertThat(workers.runOne()).isFalse();
        assertThat(steps[0]).isZero();
        worker.wake();
        workers.runAll(10);
        workers.runAll(10);
        assertThat(steps[0]).isEqualTo(1);
        assertThat(workers.open()).isEqualTo(1);
        worker.wake();
        worker.close();
        workers.runAll(10);
        assertThat(steps[0]).isEqualTo(1);
        assertThat(workers.open()).isZero();
    }

    /** Goal: who runs in circles is found out, and who asks for a worker in a famine gets the error a thread would give. */
    @Test
    void hasLimits() {
        SteppedWorkers workers = new SteppedWorkers(1);
        workers.allow(1);
        Worker circling = workers.start("circling", () -> true);
        circling.wake();
        assertThatThrownBy(() -> workers.runAll(100)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> workers.start("one too many", () -> false)).isInstanceOf(OutOfMemoryError.class);
    }

    /** Goal: beats are told the time, and only while they are registered. */
    @Test
    void beatsWhenToldTo() {
        SteppedTime time = new SteppedTime();
        List<Long> told = new ArrayList<>();
        Beat beat = told::add;
        time.register(beat);
        time.pause(5);
        time.pause(6);
        assertThat(told).containsExactly(5L, 11L);
        time.advance(8);
        assertThat(told).hasSize(2 + 8).isSorted().endsWith(19L);
        time.unregister(beat);
        time.advance(7);
        assertThat(told).hasSize(2 + 8);
        assertThat(time.registered()).isZero();
    }

    /** Goal: who waits for workers drives them meanwhile, and learns when they cannot bring what is awaited. */
    @Test
    void whoWaitsDrivesTheWorkers() {
        SteppedWorkers workers = new SteppedWorkers(1);
        int[] steps = {0};
        workers.start("w", () -> ++steps[0] < 10).wake();
        workers.parking().park(() -> steps[0] >= 5, Long.MAX_VALUE);
        assertThat(steps[0]).isEqualTo(5);
        assertThatThrownBy(() -> workers.parking().park(() -> false, Long.MAX_VALUE))
                .isInstanceOf(IllegalStateException.class);
    }
}
