package redoubt.md;

import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import redoubt.workqueue.WorkItem;
import redoubt.workqueue.Workqueue;

/**
 * Which members of an array were found faulty, and which of these failures are durable on the survivors.
 *
 * <p>Whoever finds a member faulty says so here, on any thread; a step on the array's queue takes it out of the view and has the keeper record
 * it. In between the two sets differ, and as long as they do nothing that promises durability is acknowledged. A member whose loss the
 * array would not survive stays in the view, and the array is broken.
 *
 * <p>Field legend. A: any thread, atomically; Q: the queue only.
 */
final class MemberFailures {

    private final Array array;
    private final Workqueue queue;
    private final WorkItem step = new WorkItem(this::take);
    private final AtomicLong faulty = new AtomicLong(); // A: slots that failed, ever
    private final AtomicLong recorded = new AtomicLong(); // A: of those, the ones whose record is durable
    private long taken; // Q: slots
    private long recordLater; // Q: slots that failed while no metadata was to be written

    MemberFailures(Array array, Workqueue queue) {
        this.array = array;
        this.queue = queue;
    }

    /** Bit k set: the member in slot k was found faulty. */
    long slots() {
        return faulty.get();
    }

    /** Whether every failure that was found is durable on the survivors. */
    boolean allRecorded() {
        return recorded.get() == faulty.get();
    }

    /** A member is faulty. Any thread; never blocks. */
    void found(int slot) {
        long bit = 1L << slot;
        while (true) {
            long seen = faulty.get();
            if ((seen & bit) != 0) {
                return;
            }
            if (faulty.compareAndSet(seen, seen | bit)) {
                queue.queue(step);
                return;
            }
        }
    }

    /** A member is to be faulty, unless the array would not survive that. Answers whether it is. Any thread; never blocks. */
    boolean foundIfSurvived(int slot) {
        long bit = 1L << slot;
        while (true) {
            long seen = faulty.get();
            if ((seen & bit) != 0) {
                return true;
            }
            ArrayView now = array.view();
            if (!array.survives(now, now.inSyncSlots() & ~seen & ~bit)) {
                return false;
            }
            if (faulty.compareAndSet(seen, seen | bit)) {
                queue.queue(step);
                return true;
            }
        }
    }

    private void take() {
        long fresh = faulty.get() & ~taken;
        for (int slot = 0; slot < array.view().slots(); slot++) {
            if ((fresh >>> slot & 1) != 0) {
                taken |= 1L << slot;
                take(slot);
            }
        }
        array.releaseRecorded();
    }

    private void take(int slot) {
        ArrayView now = array.view();
        if (!now.inSync(slot)) {
            done(slot);
            return;
        }
        String name = now.member(slot).name();
        if (!array.survives(now, now.inSyncSlots() & ~(1L << slot))) {
            array.becomeBroken();
            array.event("Fail", name);
            done(slot);
            array.admitToGate();
            return;
        }
        boolean recording = array.keeper() != null && !WishedState.isQuiet(now);
        array.publish(now.withMember(slot, recording ? MemberState.FAULTY_BLOCKED : MemberState.FAULTY));
        array.event("Fail", name);
        array.event("DegradedArray", "");
        if (recording) {
            record(slot);
        } else {
            recordLater |= 1L << slot;
            done(slot);
        }
    }

    private void record(int slot) {
        @Nullable MetadataKeeper records = array.keeper();
        if (records == null) {
            throw new IllegalStateException("a failure is to be recorded, and nobody keeps the metadata");
        }
        records.recordFailure(slot, durable -> recorded(slot, durable));
    }

    /** Writing begins again: what failed while nothing was to be written is recorded before any write is acknowledged. On the queue. */
    void recordLate() {
        long late = recordLater;
        recordLater = 0;
        for (int slot = 0; slot < array.view().slots(); slot++) {
            long bit = 1L << slot;
            if ((late & bit) != 0 && array.keeper() != null) {
                recorded.getAndAccumulate(~bit, (seen, others) -> seen & others);
                array.publish(array.view().withMember(slot, MemberState.FAULTY_BLOCKED));
                record(slot);
            }
        }
    }

    private void recorded(int slot, boolean durable) {
        if (durable) {
            array.publish(array.view().withMember(slot, MemberState.FAULTY));
        } else {
            array.becomeBroken();
            array.admitToGate();
        }
        done(slot);
        array.releaseRecorded();
    }

    private void done(int slot) {
        recorded.getAndAccumulate(1L << slot, (seen, bit) -> seen | bit);
    }
}
