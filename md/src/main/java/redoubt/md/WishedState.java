package redoubt.md;

import redoubt.base.ArrayState;
import redoubt.kernfs.Errno;
import redoubt.kernfs.Outcome;
import redoubt.workqueue.WorkItem;
import redoubt.workqueue.Workqueue;

/**
 * What somebody may make of {@code array_state} by storing a word in it, as Linux' {@code array_state_store} allows it:
 *
 * <pre>
 * readonly    from clean, active, read-auto   marked clean where that is true; writes are refused from then on, and no metadata is written
 * read-auto   from clean, active, readonly    the same, until the first write
 * clean       from active                     now and not after the safe-mode delay
 *             from readonly, read-auto        back to writing
 * active      from readonly, read-auto        back to writing; from all others nothing, for the engine marks its own metadata dirty
 * clear, inactive                             never: whoever serves the array stops it
 * </pre>
 *
 * <p>A wish is judged at once, by what is seen at that moment, and carried out by a step of the array's queue, which judges again: where a
 * write came in between, the array stays as it is. Whoever must know how it ended watches the attribute.
 *
 * <p>{@link #ask} is for any thread and allocates nothing; the rest is for the queue.
 */
final class WishedState {

    private static final Outcome NOT_A_WISH =
            Outcome.refused(Errno.EINVAL, "this can be set to 'readonly', 'read-auto', 'clean' or 'active'");
    private static final Outcome NOT_RUNNING = Outcome.refused(Errno.EINVAL, "the array is not running");
    private static final Outcome SERVED =
            Outcome.refused(Errno.EBUSY, "the array is being served; stop what serves it instead");
    private static final Outcome BROKEN =
            Outcome.refused(Errno.EBUSY, "more members are gone than the array survives; it can only be stopped");
    private static final Outcome OPENED_READ_ONLY =
            Outcome.refused(Errno.EROFS, "its members are open for reading only; serve it again without --read-only");
    private static final Outcome IN_USE =
            Outcome.refused(Errno.EBUSY, "clients are connected that were told they may write; disconnect them first");
    private static final Outcome WRITES = Outcome.refused(Errno.EBUSY, "writes are in flight; try again");
    private static final Outcome IN_DOUBT = Outcome.refused(
            Errno.EBUSY, "the members are not known to agree, and 'clean' would say that they do; resync it first");

    /** A flush that was under way already counts, and says nothing of the last writes. */
    private static final int FLUSHES_LIMIT = 3;

    private final Array array;
    private final WriteGate gate;
    private final Workqueue queue;
    private final WorkItem readonly = new WorkItem(() -> quieten(ArrayState.READONLY));
    private final WorkItem readAuto = new WorkItem(() -> quieten(ArrayState.READ_AUTO));
    private final WorkItem writing = new WorkItem(this::resumeWriting);
    private int flushes; // queue only: how often the members were flushed for the present wish
    private long flushedFrom; // queue only: writes begun before the first of them

    WishedState(Array array, WriteGate gate, Workqueue queue) {
        this.array = array;
        this.gate = gate;
        this.queue = queue;
    }

    /**
     * Asks for a state.
     *
     * @param inUse whether anybody has the array open who expects to write
     */
    Outcome ask(ArrayState wanted, boolean inUse) {
        ArrayView now = array.view();
        Outcome standing = switch (now.state()) {
            case CLEAR, INACTIVE, SUSPENDED -> NOT_RUNNING;
            case BROKEN -> BROKEN;
            case READONLY, READ_AUTO, CLEAN, ACTIVE, WRITE_PENDING, ACTIVE_IDLE ->
                array.plan().readOnly() && wanted != ArrayState.READONLY ? OPENED_READ_ONLY : Outcome.OK;
        };
        return switch (wanted) {
            case SUSPENDED, WRITE_PENDING, ACTIVE_IDLE, BROKEN -> NOT_A_WISH;
            case CLEAR, INACTIVE -> SERVED;
            case READONLY -> standing.ok() ? askForQuiet(now, wanted, readonly, inUse) : standing;
            case READ_AUTO -> standing.ok() ? askForQuiet(now, wanted, readAuto, inUse) : standing;
            case CLEAN -> standing.ok() ? askForClean(now) : standing;
            case ACTIVE -> standing.ok() ? askForWriting(now) : standing;
        };
    }

    private Outcome askForQuiet(ArrayView now, ArrayState wanted, WorkItem step, boolean inUse) {
        if (now.state() == wanted) {
            return Outcome.OK;
        }
        if (inUse && now.state() != ArrayState.READONLY) {
            return IN_USE;
        }
        if (now.state() == ArrayState.WRITE_PENDING || gate.writesInside() != 0) {
            return WRITES;
        }
        queue.queue(step);
        return Outcome.OK;
    }

    private Outcome askForClean(ArrayView now) {
        if (now.state() == ArrayState.CLEAN) {
            return Outcome.OK;
        }
        if (array.traits().redundant() && !now.redundancyKnown()) {
            return IN_DOUBT;
        }
        if (now.state() == ArrayState.WRITE_PENDING || gate.writesInside() != 0) {
            return WRITES;
        }
        if (isQuiet(now)) {
            queue.queue(writing);
        } else {
            array.tryClean();
        }
        return Outcome.OK;
    }

    private Outcome askForWriting(ArrayView now) {
        if (isQuiet(now)) {
            queue.queue(writing);
        }
        return Outcome.OK;
    }

    /** Leaves readonly or read-auto in a step. */
    void queueResumption() {
        queue.queue(writing);
    }

    static boolean isQuiet(ArrayView view) {
        return view.state() == ArrayState.READONLY || view.state() == ArrayState.READ_AUTO;
    }

    // ---------------------------------------------------------------------------------------------- steps

    private void quieten(ArrayState wanted) {
        ArrayView now = array.view();
        if (now.broken()
                || now.state() == ArrayState.WRITE_PENDING
                || !now.state().mayBecome(wanted)) {
            flushes = 0;
            return;
        }
        boolean dirty = now.state() == ArrayState.ACTIVE || now.state() == ArrayState.ACTIVE_IDLE;
        long begun = gate.writesBegun();
        MetadataKeeper keeper = array.keeper();
        if (dirty && keeper != null && !keeper.isDurable(begun)) { // a daemon takes the word for consistent
            flushFirst(keeper, wanted == ArrayState.READONLY ? readonly : readAuto, begun);
            return;
        }
        flushes = 0;
        boolean wasOpen = gate.isOpen();
        if (!gate.shutIfEmpty()) {
            array.tellStateAgain(); // it was taken, and is not done
            return;
        }
        // Clean would count in a member that is not, or a write that is not durable.
        if (!array.allRecorded() || gate.writesBegun() != begun) {
            gate.letFlushes();
            if (wasOpen) {
                gate.open();
            }
            array.tellStateAgain();
            return;
        }
        boolean agreeing = array.traits().redundant() && now.redundancyKnown();
        array.enterState(wanted);
        if (dirty && agreeing) {
            gate.askForClean();
        }
        gate.letFlushes();
        gate.admitParked(); // who came while it was shut is refused, or asks for the dirty mark
    }

    /** The step comes again when the members are flushed, unless somebody writes meanwhile, or they cannot be. */
    private void flushFirst(MetadataKeeper keeper, WorkItem step, long begun) {
        if (flushes == FLUSHES_LIMIT || (flushes > 0 && flushedFrom != begun)) {
            flushes = 0;
            array.tellStateAgain(); // it was taken, and is not done
            return;
        }
        flushes++;
        flushedFrom = begun;
        keeper.makeDurable(step);
    }

    private void resumeWriting() {
        ArrayView now = array.view();
        if (!isQuiet(now)) {
            return;
        }
        array.recordLateFailures();
        boolean dirty = array.traits().redundant() && !now.redundancyKnown();
        array.enterState(dirty ? ArrayState.ACTIVE : ArrayState.CLEAN);
        if (dirty || !array.traits().redundant()) {
            gate.open();
        } else {
            gate.admitParked();
        }
    }
}
