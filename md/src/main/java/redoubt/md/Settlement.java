package redoubt.md;

import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import redoubt.base.Clock;
import redoubt.block.IoBuffer;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;
import redoubt.workqueue.WorkItem;
import redoubt.workqueue.Workqueue;

/**
 * What becomes of a request whose children have ended: it is answered, done again on other members, done piece by piece, or kept until a
 * failure is recorded. The rules of who is to blame for what stand here.
 *
 * <p>There is no lock. Any thread ends children; those who wait for a record are let go by the array's queue. Field legend. C: constant;
 * A: any thread, atomically.
 */
final class Settlement {

    private final Array array; // C
    private final ArrayPlan plan; // C
    private final Traits traits; // C
    private final MemberFailures failures; // A
    private final NarrowReads narrowReads; // A
    private final IoMemory memory; // C
    private final Workqueue queue; // C
    private final Clock clock; // C
    private final WorkItem releaseStep = new WorkItem(this::releaseRecorded);
    private final AtomicReference<@Nullable IoRequest> awaitingRecord = new AtomicReference<>(); // A
    private volatile boolean membersMayDiffer; // A: only ever set, before the write that was refused leaves the gate

    Settlement(
            Array array,
            MemberFailures failures,
            NarrowReads narrowReads,
            IoMemory memory,
            Workqueue queue,
            Clock clock) {
        this.array = array;
        this.plan = array.plan();
        this.traits = array.traits();
        this.failures = failures;
        this.narrowReads = narrowReads;
        this.memory = memory;
        this.queue = queue;
        this.clock = clock;
    }

    /** As {@link PersonalityHost#childEnded} says. */
    boolean childEnded(IoRequest parent, IoRequest child, int slot) {
        IoStatus how = child.status();
        boolean reading = !mustWaitForRecords(child);
        if (isRefusal(child, how)) {
            parent.refused(how);
            if (how == IoStatus.NO_SPACE || parent.anyChildDone()) {
                membersMayDiffer |= traits.redundant();
            }
        } else if (how.ok()) {
            changed(parent, child);
        } else if (how.blamesDevice() || (!reading && traits.redundant())) {
            if (reading && child.inQuarantine()) {
                parent.memoryInDoubt = true;
            }
            if (how == IoStatus.IO_ERROR && reading) {
                parent.slotFailed(slot);
                readFailed(slot, child);
            } else if (!traits.redundant() && how == IoStatus.IO_ERROR && !child.promisesDurability()) {
                parent.refused(how);
            } else {
                parent.slotFailed(slot);
                failures.found(slot);
            }
        } else {
            parent.refused(how);
        }
        return parent.childSettled();
    }

    /** A member has done what another one may refuse; then they differ there. */
    private void changed(IoRequest parent, IoRequest child) {
        if (traits.redundant() && child.operation().changesData()) {
            parent.childDone();
            if (!parent.childrenStatus().ok()) {
                membersMayDiffer = true;
            }
        }
    }

    /**
     * A change that the member is not to blame for: where it has no room, its host has none, and its twins on the same host will have none
     * in a moment. Nobody is failed, and the asker is told. If a twin has done it, or if a part of it may have been done, the array is not
     * called clean again.
     */
    private static boolean isRefusal(IoRequest child, IoStatus how) {
        return child.operation().changesData()
                && (how == IoStatus.NO_SPACE || how == IoStatus.UNSUPPORTED || how == IoStatus.INVALID);
    }

    private void readFailed(int slot, IoRequest read) {
        Member member = array.view().occupant(slot);
        // Of an array that is only read every member is kept: it may be the only one that can read what another one
        // cannot.
        if (member != null && member.countReadError(read, clock.nanos()) > plan.maxReadErrors() && !plan.readOnly()) {
            ArrayView now = array.view();
            if (array.survives(now, now.inSyncSlots() & ~(1L << slot))) {
                failures.found(slot);
            }
        }
    }

    /** As {@link PersonalityHost#childrenSettled} says. */
    void childrenSettled(IoRequest parent) {
        long failed = parent.failedSlots();
        if (failed == 0) {
            finished(parent, parent.childrenStatus());
        } else if ((failed & failures.slots()) != 0 && mustWaitForRecords(parent)) {
            awaitRecord(parent);
        } else {
            again(parent);
        }
    }

    /** Reads may be answered while a failure is being recorded; what promises that data is kept may not. */
    private static boolean mustWaitForRecords(IoRequest request) {
        return request.operation().changesData() || request.operation() == IoOperation.FLUSH;
    }

    /** Does a request again, on the members that are left and without reading where a read has failed. */
    private void again(IoRequest parent) {
        ArrayView now = array.view();
        if (now.broken() && mustWaitForRecords(parent)) {
            IoStatus how = parent.childrenStatus();
            settle(parent, how.ok() ? IoStatus.IO_ERROR : how);
            return;
        }
        parent.avoidedSlots |= parent.failedSlots();
        if (++parent.attempts > now.slots() + 1) {
            settle(parent, IoStatus.IO_ERROR);
            return;
        }
        if (parent.memoryInDoubt) {
            IoBuffer fresh = memory.takeReserved((int) parent.length());
            if (fresh == null) {
                settle(parent, IoStatus.IO_ERROR);
                return;
            }
            parent.replaceBuffer(fresh, 0);
            fresh.release();
            parent.memoryInDoubt = false;
        }
        array.begin(parent);
    }

    /** As {@link PersonalityHost#finished} says. */
    void finished(IoRequest parent, IoStatus how) {
        if (mustWaitForRecords(parent) && (!failures.allRecorded() || differenceToTake())) {
            if (!how.ok()) {
                parent.refused(how);
            }
            awaitRecord(parent);
        } else {
            boolean lie = how.ok()
                    && parent.promisesDurability()
                    && !plan.readOnly()
                    && array.view().broken();
            settle(parent, lie ? IoStatus.IO_ERROR : how);
        }
    }

    /** A request ends with this, unless it is a read that can be done in another way. */
    private void settle(IoRequest parent, IoStatus how) {
        boolean mayBeNarrowed =
                how == IoStatus.IO_ERROR && parent.operation() == IoOperation.READ && traits.redundant();
        if (!mayBeNarrowed || array.gaveUp() || !narrowReads.take(parent)) {
            array.leave(parent, how);
        } else if (array.gaveUp()) {
            narrowReads.releaseParked();
        }
    }

    /** Whether the view still says that members agree which a refused write may have left different. */
    private boolean differenceToTake() {
        return membersMayDiffer && array.view().redundancyKnown();
    }

    private void awaitRecord(IoRequest parent) {
        Turnstile.push(awaitingRecord, parent);
        if (array.gaveUp()) {
            array.releaseGone();
        } else if (failures.allRecorded()) {
            queue.queue(releaseStep);
        }
    }

    /** Something was recorded: those who waited for it are let go if that was all. On the queue. */
    void releaseRecorded() {
        if (!failures.allRecorded()) {
            return;
        }
        if (differenceToTake()) {
            array.publish(array.view().withRedundancyUnknown());
            array.event("RedundancyUnknown", "");
        }
        IoRequest parent = Turnstile.oldestFirst(awaitingRecord.getAndSet(null));
        while (parent != null) {
            IoRequest younger = parent.next;
            parent.next = null;
            if (parent.failedSlots() != 0) {
                again(parent);
            } else {
                finished(parent, parent.childrenStatus());
            }
            parent = younger;
        }
        array.lookWhetherEnded();
    }

    /** Ends those who wait for a record that nobody brings any more. */
    void releaseGone() {
        settleAll(awaitingRecord);
    }

    /** Ends all that are in a list, as gone. */
    void settleAll(AtomicReference<@Nullable IoRequest> list) {
        IoRequest parent = Turnstile.oldestFirst(list.getAndSet(null));
        while (parent != null) {
            IoRequest younger = parent.next;
            parent.next = null;
            settle(parent, IoStatus.GONE);
            parent = younger;
        }
    }
}
