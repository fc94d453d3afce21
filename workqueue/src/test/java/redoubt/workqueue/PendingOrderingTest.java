package redoubt.workqueue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
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
    private static final int STRIDES = 50_000;
    private static final int SPINS = 1000; // then the other one is perhaps in want of the processor

    private final WorkItem[] items = new WorkItem[STRIDE];
    private final long[] stored = new long[STRIDE];
    private final boolean[] accepted = new boolean[STRIDE];
    private final long[] seen = new long[STRIDE];
    private final AtomicInteger arrived = new AtomicInteger();
    private volatile boolean over;

    /** Both begin, or end, a stride together. */
    private void meet(int times) {
        arrived.incrementAndGet();
        for (int spins = 0; arrived.get() < 2 * times; spins++) {
            if (spins < SPINS) {
                Thread.onSpinWait();
            } else {
                LockSupport.parkNanos(1);
            }
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

    private int lost(int stride) {
        int lost = 0;
        for (int i = 0; i < STRIDE; i++) {
            lost += !accepted[i] && seen[i] != stride ? 1 : 0;
        }
        return lost;
    }

    @Test
    void inv2bARefusedCallerIsSeenByTheRunThatPendingWasClearedFor() throws InterruptedException {
        assumeTrue(Runtime.getRuntime().availableProcessors() > 1, "with one processor nothing is turned round");
        for (int i = 0; i < STRIDE; i++) {
            items[i] = new WorkItem(() -> {});
        }
        Thread worker = Threads.start("worker", () -> {
            boolean last = false;
            for (int stride = 1; !last; stride++) {
                meet(2 * stride - 1);
                last = over; // changed before the meeting only
                if (!last) {
                    clearAndLook();
                }
                meet(2 * stride);
            }
        });
        int lost = 0;
        for (int stride = 1; !over; stride++) {
            for (WorkItem item : items) {
                if (!item.pending()) {
                    item.claim();
                }
            }
            over = lost > 0 || stride > STRIDES;
            meet(2 * stride - 1);
            if (!over) {
                storeAndClaim(stride);
            }
            meet(2 * stride);
            lost += over ? 0 : lost(stride);
        }
        worker.join();
        assertThat(lost)
                .as("INV-2b: stores of refused callers that the run did not see")
                .isZero();
    }
}
