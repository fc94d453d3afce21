package redoubt.md;

import redoubt.base.ArrayState;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.workqueue.WorkItem;
import redoubt.workqueue.Workqueue;

/**
 * Where every write passes: open while the metadata on the members says dirty, shut otherwise (Linux, drivers/md/md.c, md_write_start).
 *
 * <p>A write that finds it shut is parked, and the gate asks the keeper for the dirty mark; when that is durable the gate opens and the
 * parked writes go on. When no write has come for the safe-mode delay and none is inside, the gate shuts itself, looks once more
 * whether somebody slipped in (see {@link Turnstile}), and asks the keeper for the clean mark. The array is called clean when that
 * is durable, and not before.
 *
 * <p><b>Flushes</b> have a turnstile of their own, which is shut while the clean mark is being made. A member tells of data that it lost once,
 * to whoever flushes it first. Were that a client's flush, and the keeper's the second, clean would be recorded over the loss.
 *
 * <p><b>Kept outside</b>, it stays open while the array is active-idle, as in md: the metadata says dirty until somebody has stored
 * {@code clean}, and only then the gate shuts, if nobody is inside and nobody came since the members were flushed.
 *
 * <p>{@link #enter} and {@link #leave} are called by any thread; what changes the state are steps on the array's queue.
 */
final class WriteGate {

    private final Array array;
    private final Workqueue queue;
    private final Turnstile turnstile;
    private final Turnstile flushes;
    private final WorkItem dirtyStep = new WorkItem(this::askForDirty);
    private final WorkItem cleanStep = new WorkItem(this::tryToBecomeClean);
    private final WorkItem busyStep = new WorkItem(this::becomeBusy);
    private final WorkItem acceptStep = new WorkItem(this::acceptClean);
    private final WorkItem idleAgainStep = new WorkItem(this::sayIdleAgain);

    private volatile long cleanAtEntries =
            -1; // what was begun when the members were flushed that `clean` was stored for

    private volatile boolean heldUpByFlush; // clean was stored, and a client's flush was under way

    private boolean dirtyAsked; // queue only
    private boolean cleanAsked; // queue only
    private boolean markedDirty; // queue only, and before the start: what the members say, or may say
    private long entriesSeen; // heartbeat only
    private long quietSinceNanos; // heartbeat only

    WriteGate(Array array, Workqueue queue, Onward admit, Onward admitFlush) {
        this.array = array;
        this.queue = queue;
        this.turnstile = new Turnstile(false, admit);
        this.flushes = new Turnstile(true, admitFlush);
    }

    /** Whether the write may go on; if not, it is parked and will come again. */
    boolean enter(IoRequest write) {
        if (turnstile.enter(write)) {
            write.gatePassed = true;
            return true;
        }
        queue.queue(dirtyStep);
        return false;
    }

    /** Whether the flush may go on; if not, it is parked and will come again. */
    boolean enterFlush(IoRequest flush) {
        if (flushes.enter(flush)) {
            flush.gatePassed = true;
            return true;
        }
        return false;
    }

    /** A write or a flush ended; one that never passed is let go too. */
    void leave(IoRequest request) {
        if (request.gatePassed) {
            request.gatePassed = false;
            (request.operation() == IoOperation.FLUSH ? flushes : turnstile).leave();
        }
    }

    void open() {
        turnstile.open();
    }

    void shut() {
        turnstile.shut();
    }

    boolean isOpen() {
        return turnstile.isOpen();
    }

    /** How many writes are under way. */
    int writesInside() {
        return turnstile.inside();
    }

    void admitParked() {
        turnstile.admitParked();
    }

    /** Lets writes and flushes that are parked try again. */
    void admitAll() {
        turnstile.admitParked();
        flushes.admitParked();
    }

    /** What the members say at the start. */
    void startMarked(boolean dirty) {
        markedDirty = dirty;
    }

    /** Whether the members may say dirty. On the queue. */
    boolean isMarkedDirty() {
        return markedDirty;
    }

    /** Whether the clean mark is being made. On the queue. */
    boolean isMarking() {
        return cleanAsked;
    }

    private void askForDirty() {
        if (dirtyAsked || turnstile.isOpen() || !turnstile.anyParked()) {
            return;
        }
        MetadataKeeper keeper = array.keeper();
        ArrayState state = array.view().state();
        if (array.view().broken() || keeper == null || state == ArrayState.READONLY) {
            turnstile.admitParked(); // to be refused, or to find that it need not wait
            return;
        }
        if (state == ArrayState.READ_AUTO) {
            array.recordLateFailures();
        }
        if (state == ArrayState.READ_AUTO && !array.traits().redundant()) {
            array.enterState(ArrayState.CLEAN); // a level without redundancy is never dirty
            turnstile.open();
        } else if (state == ArrayState.CLEAN || state == ArrayState.ACTIVE_IDLE || state == ArrayState.READ_AUTO) {
            dirtyAsked = true;
            markedDirty = true;
            array.enterState(ArrayState.WRITE_PENDING);
            keeper.markDirty(this::dirtyMarked);
        }
    }

    private void dirtyMarked(boolean durable) {
        dirtyAsked = false;
        if (array.view().state() != ArrayState.WRITE_PENDING) {
            turnstile.admitParked();
        } else if (durable) {
            array.enterState(ArrayState.ACTIVE);
            turnstile.open();
        } else {
            array.becomeBroken();
            turnstile.admitParked();
        }
    }

    /** Called by the heartbeat: the array becomes clean when nothing has been written for the delay. */
    void lookForIdleness(long nowNanos) {
        long delay = array.safeModeDelayNanos();
        long entries = turnstile.entries();
        boolean idleAndOpen = array.view().state() == ArrayState.ACTIVE_IDLE && turnstile.isOpen();
        if (entries != entriesSeen || turnstile.inside() != 0 || delay == 0) {
            entriesSeen = entries;
            quietSinceNanos = nowNanos;
            if (idleAndOpen) {
                queue.queue(busyStep);
            }
        } else if (idleAndOpen && !keptOutside()) {
            queue.queue(busyStep); // the engine marks it now, which does that from active
        } else if (heldUpByFlush && flushes.inside() == 0) {
            heldUpByFlush = false;
            queue.queue(idleAgainStep);
        } else if (nowNanos - quietSinceNanos >= delay && array.mayBecomeClean()) {
            quietSinceNanos = nowNanos;
            tryClean();
        }
    }

    /** Asks for the clean mark, which is made if nobody is inside at that moment. */
    void tryClean() {
        queue.queue(cleanStep);
    }

    private boolean keptOutside() {
        MetadataKeeper keeper = array.keeper();
        return keeper != null && keeper.keptOutside();
    }

    private void tryToBecomeClean() {
        if (keptOutside()) {
            becomeIdle();
            return;
        }
        if (cleanAsked || !array.mayBecomeClean() || !shutIfEmpty()) {
            return;
        }
        // Asked again when nobody is inside: who was there may have found a member faulty before he left.
        if (!array.mayBecomeClean()) {
            flushes.open();
            turnstile.open();
            return;
        }
        array.enterState(ArrayState.ACTIVE_IDLE);
        askForClean();
        if (turnstile.anyParked()) {
            askForDirty();
        }
    }

    private void becomeIdle() {
        MetadataKeeper keeper = array.keeper();
        if (keeper != null && !cleanAsked && array.mayBecomeClean() && turnstile.inside() == 0) {
            array.enterState(ArrayState.ACTIVE_IDLE);
            keeper.becameIdle();
        }
    }

    /** Somebody writes again, or the metadata is kept inside again. */
    private void becomeBusy() {
        if (array.view().state() == ArrayState.ACTIVE_IDLE && turnstile.isOpen()) {
            array.enterState(ArrayState.ACTIVE);
        }
    }

    /** A number that changes with every write that begins. */
    long writesBegun() {
        return turnstile.entries();
    }

    /** The same if none is under way, else {@link Turnstile#NOT_EMPTY}. */
    long writesBegunIfNoneInside() {
        return turnstile.entriesIfEmpty();
    }

    void becomeClean(long writesBegun) {
        cleanAtEntries = writesBegun;
        queue.queue(acceptStep);
    }

    private void acceptClean() {
        if (!keptOutside() || !turnstile.isOpen() || !array.couldBeCalledClean()) {
            return;
        }
        if (!shutIfEmpty()) {
            giveUpClean();
            return;
        }
        // Asked again when nobody is inside: who was there may have found a member faulty before he left.
        if (turnstile.entries() != cleanAtEntries || !array.couldBeCalledClean()) {
            letFlushes();
            turnstile.open();
            giveUpClean();
            return;
        }
        array.enterState(ArrayState.CLEAN);
        letFlushes();
        if (turnstile.anyParked()) {
            askForDirty();
        }
    }

    /**
     * Whether a flush is under way, so that the array cannot be called clean now; if so, whoever is to say {@code clean} is told again when there is none. He
     * would be told in vain before, and again and again. Any thread.
     */
    boolean heldUpByFlush() {
        if (flushes.inside() == 0) {
            return false;
        }
        heldUpByFlush = true; // the heartbeat looks whether there still is one
        return true;
    }

    /** It was taken, and is not done: whoever stored it is to do so again, and may have died since. */
    private void giveUpClean() {
        if (!heldUpByFlush()) {
            sayIdleAgain();
        }
    }

    private void sayIdleAgain() {
        MetadataKeeper keeper = array.keeper();
        if (keeper != null && array.view().state() == ArrayState.ACTIVE_IDLE) {
            keeper.becameIdle();
        }
        array.tellStateAgain();
    }

    /** Shuts out writes and flushes; answers false, and leaves all as it was, if any is under way. On the queue. */
    boolean shutIfEmpty() {
        boolean wasOpen = turnstile.isOpen();
        turnstile.shut();
        flushes.shut();
        if (turnstile.inside() == 0 && flushes.inside() == 0) {
            return true;
        }
        letFlushes();
        if (wasOpen) {
            turnstile.open();
        }
        return false;
    }

    /** Lets flushes pass again, unless the clean mark is being made. On the queue. */
    void letFlushes() {
        if (!cleanAsked) {
            flushes.open();
        }
    }

    /** Asks for the clean mark, if it has not been asked for. After {@link #shutIfEmpty}, on the queue. */
    void askForClean() {
        MetadataKeeper keeper = array.keeper();
        if (keeper != null && !cleanAsked) {
            cleanAsked = true;
            keeper.markClean(this::cleanMarked);
        }
    }

    private void cleanMarked(boolean durable) {
        cleanAsked = false;
        ArrayState state = array.view().state();
        boolean dirtySince = state == ArrayState.WRITE_PENDING || state == ArrayState.ACTIVE;
        if (durable && !dirtySince) {
            markedDirty = false;
        }
        if (state == ArrayState.ACTIVE_IDLE) {
            if (durable) {
                array.enterState(ArrayState.CLEAN);
            } else {
                array.enterState(ArrayState.ACTIVE);
                turnstile.open();
            }
        }
        flushes.open();
        array.lookWhetherEnded();
    }
}
