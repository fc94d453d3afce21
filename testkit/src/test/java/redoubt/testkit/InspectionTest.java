package redoubt.testkit;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import redoubt.base.Threads;
import redoubt.block.IoRequestPool;

/** The inspection finds what was left, and is silent otherwise. Method: a small patience, for the failures are what is wanted. */
class InspectionTest {

    private static final Duration SHORT = Duration.ofMillis(200);

    /** Goal: a request that is out is found. */
    @Test
    void findsARequestThatIsOut() {
        IoRequestPool pool = new IoRequestPool(2);
        Inspection inspection = new Inspection(SHORT).watch("the test", pool);
        inspection.inspect();
        pool.reserve(1);
        assertThatThrownBy(inspection::inspect)
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("all requests of the test are back");
    }

    /** Goal: a thread that goes on is found by its name, and a thread that ends is not held against anybody. */
    @Test
    void findsAThreadThatGoesOn() throws Exception {
        Inspection inspection = new Inspection(SHORT);
        CountDownLatch end = new CountDownLatch(1);
        Thread left = Threads.start("left-behind", () -> {
            try {
                end.await();
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
        });
        assertThatThrownBy(inspection::inspect)
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("left-behind");
        end.countDown();
        left.join();
        inspection.inspect();
    }
}
