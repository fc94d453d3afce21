package redoubt.workqueue;

import java.util.concurrent.atomic.AtomicInteger;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Validate;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * PENDING against its sequential meaning, in many interleavings of single steps: a call is accepted exactly if no run is still to come
 * (INV-2a), and when no run is to come any more, the last one saw everything that was stored before any call (INV-2b). The operations are
 * those that askers and a worker do with an item; whether the processor's memory keeps the order is for {@link
 * QueueingTest}.
 */
public class WorkItemLincheckTest {

    private final AtomicInteger stored = new AtomicInteger();
    private final AtomicInteger seen = new AtomicInteger();
    private final WorkItem item = new WorkItem(() -> seen.set(stored.get()));

    /** Stores, then claims. */
    @Operation
    public boolean queue() {
        stored.incrementAndGet();
        return item.claim();
    }

    /** What a worker does with an item that it has taken: one worker at a time. */
    @Operation(nonParallelGroup = "worker")
    public boolean run() {
        if (!item.pending()) {
            return false;
        }
        item.unclaim();
        item.run();
        return true;
    }

    /** INV-2b. */
    @Validate
    public void nothingThatWasStoredIsLost() {
        if (!item.pending() && seen.get() != stored.get()) {
            throw new IllegalStateException("INV-2b: seen " + seen + " of " + stored + ", and no run is to come");
        }
    }

    @Test
    @Tag("slow")
    void inv2bNoInterleavingOfQueueingAndRunningLosesAStore() {
        new ModelCheckingOptions()
                .iterations(10)
                .invocationsPerIteration(500)
                .threads(3)
                .actorsPerThread(2)
                .sequentialSpecification(Sequential.class)
                .check(WorkItemLincheckTest.class);
    }

    /** What it means. */
    public static class Sequential {
        private boolean pending;

        /** Accepted if it was idle. */
        public boolean queue() {
            boolean accepted = !pending;
            pending = true;
            return accepted;
        }

        /** Runs if it was pending. */
        public boolean run() {
            boolean was = pending;
            pending = false;
            return was;
        }
    }
}
