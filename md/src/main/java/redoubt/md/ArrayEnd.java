package redoubt.md;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import redoubt.base.ArrayState;
import redoubt.base.Clock;
import redoubt.workqueue.WorkItem;
import redoubt.workqueue.Workqueue;

/**
 * How an array ends: nobody comes in any more, those inside go out, what failed is recorded, and the members are marked clean where that is
 * true. Whoever stops it waits for that up to a limit; then it is given up, and everybody who still waits is let go.
 *
 * <p>Field legend. A: any thread; Q: the queue only.
 */
final class ArrayEnd {

    private final Array array;
    private final WriteGate gate;
    private final MemberFailures failures;
    private final Workqueue queue;
    private final Clock clock;
    private volatile boolean gaveUp; // A: it did not end in good order, and nobody is to wait any more
    private @Nullable Ending waiting; // Q

    ArrayEnd(Array array, WriteGate gate, MemberFailures failures, Workqueue queue, Clock clock) {
        this.array = array;
        this.gate = gate;
        this.failures = failures;
        this.queue = queue;
        this.clock = clock;
    }

    /** As {@link Array#stop} says, but for the personality. */
    boolean stop(long limitNanos) {
        long deadline = clock.nanos() + limitNanos;
        boolean quiet = array.suspend(limitNanos);
        array.refuseAll();
        Ending wanted = new Ending(quiet);
        queue.queue(new WorkItem(() -> begin(wanted)));
        boolean good = false;
        try {
            long left = Math.max(1, deadline - clock.nanos());
            good = wanted.settled.await(left, TimeUnit.NANOSECONDS) && wanted.good;
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        if (!good) {
            gaveUp = true;
            array.releaseGone();
        }
        return good;
    }

    private void begin(Ending wanted) {
        gate.shut();
        ArrayView now = array.view();
        if (!now.broken()) {
            array.tellEnding(gate.writesInside() == 0 && now.redundancyKnown() && failures.allRecorded());
            array.enterState(ArrayState.INACTIVE);
        }
        waiting = wanted;
        look();
    }

    /** A mark or a record was answered: is it over? On the queue. */
    void look() {
        Ending wanted = waiting;
        if (wanted == null || (wanted.quiet && (gate.isMarking() || !failures.allRecorded()))) {
            return;
        }
        ArrayView now = array.view();
        boolean toBeMarked =
                array.traits().redundant() && array.keeper() != null && now.redundancyKnown() && gate.isMarkedDirty();
        // A mark that was refused is asked for again only when another failure has been recorded since.
        if (wanted.quiet && toBeMarked && !now.broken() && wanted.askedUnder != failures.slots()) {
            wanted.askedUnder = failures.slots();
            gate.askForClean();
            return;
        }
        waiting = null;
        wanted.good = wanted.quiet && !toBeMarked && !now.broken();
        wanted.settled.countDown();
    }

    /** Whether the limit of a stop is over, so that nobody is to wait for anything any more. */
    boolean gaveUp() {
        return gaveUp;
    }

    /** A stop that waits for the last marks. Its latch publishes the rest. */
    private static final class Ending {
        private final boolean quiet;
        private final CountDownLatch settled = new CountDownLatch(1);
        private long askedUnder = -1; // the failures that were known when the clean mark was last asked for
        private boolean good;

        Ending(boolean quiet) {
            this.quiet = quiet;
        }
    }
}
