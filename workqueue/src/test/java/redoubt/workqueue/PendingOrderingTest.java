package redoubt.workqueue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import redoubt.base.Threads;

/**
 * TEST-2 at the one place where it is decided. Goal: who stores and is then refused because PENDING is set is seen by the run for whose sake
 * PENDING is cleared, although both sides look at one word and store to another, which is what a processor's store buffer turns round. Method:
 * two threads walk along many items at the same time, one storing and claiming, one clearing PENDING and looking; for no item may both
 * have missed the other. Interleavings of single steps ({@link WorkItemLincheckTest}) cannot show that, and a whole queue has other fences on
 * the way ({@link QueueingTest}).
 */
@Tag("slow")
class PendingOrderingTest {

    private static final int STRIDE = 16; // short, so that the two stay close to each other
    private static final int STRIDES = 500_000;

    private final WorkItem[] items = new WorkItem[STRIDE];
    private final long[] stored = new long[STRIDE];
    private final boolean[] accepted = new boolean[STRIDE];
    private final long[] seen = new long[STRIDE];
    private final AtomicInteger arrived = new AtomicInteger();

    /** Both begin, or end, a stride together. */
    private void meet(int times) {
        arrived.incrementAndGet();
        while (arrived.get() < 2 * times) {
            Thread.onSpinWait();
        }
    }

    private void storeAndClaim(int stride) {
        for (int i = 0; i < STRIDE; i++) {
            stored[i] = stride;
            accepted[i] = items[i].claim();
        }
    }

    private void clearAndLook() {
        for (int i = 0; i < STRIDE; i++) {
            items[i].unclaim();
            seen[i] = stored[i];
        }
    }

    @Test
    void inv2bARefusedCallerIsSeenByTheRunThatPendingWasClearedFor() throws InterruptedException {
        assumeTrue(Runtime.getRuntime().availableProcessors() > 1, "with one processor nothing is turned round");
        for (int i = 0; i < STRIDE; i++) {
            items[i] = new WorkItem(() -> {});
        }
        Thread worker = Threads.start("worker", () -> {
            for (int stride = 1; stride <= STRIDES; stride++) {
                meet(2 * stride - 1);
                clearAndLook();
                meet(2 * stride);
            }
        });
        int lost = 0;
        for (int stride = 1; stride <= STRIDES; stride++) {
            for (WorkItem item : items) {
                if (!item.pending()) {
                    item.claim();
                }
            }
            meet(2 * stride - 1);
            storeAndClaim(stride);
            meet(2 * stride);
            for (int i = 0; i < STRIDE; i++) {
                lost += !accepted[i] && seen[i] != stride ? 1 : 0;
            }
        }
        worker.join();
        assertThat(lost)
                .as("INV-2b: stores of refused callers that the run did not see")
                .isZero();
    }
}
