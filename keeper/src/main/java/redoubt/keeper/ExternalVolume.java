package redoubt.keeper;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import redoubt.base.ArrayState;
import redoubt.kernfs.AttributeValue;
import redoubt.kernfs.Errno;
import redoubt.kernfs.Outcome;
import redoubt.md.Array;
import redoubt.md.ArrayView;
import redoubt.md.MemberState;
import redoubt.md.MetadataKeeper;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.SlotPicture;
import redoubt.metadata.SlotState;
import redoubt.workqueue.WorkItem;

/**
 * What one volume wants of whoever keeps its metadata outside, and what that one said: the protocol of mdmon, seen from the array.
 *
 * <p>A demand is one word: the epoch in which it was made, and whether it is asked or has been stored. A store satisfies it by compare-and-set
 * with the epoch of the one who stores, on the storing thread: neither does it wait for a step, nor can a daemon of an old epoch satisfy a
 * demand that was made to another one. The members are flushed before anything follows from it, since the daemon does not flush.
 *
 * <p>Field legend. A: any thread, atomically; Q: the container's queue.
 */
final class ExternalVolume implements MetadataKeeper {

    private static final Outcome NOT_ASKED =
            Outcome.refused(Errno.EBUSY, "this was not asked of this daemon, or it is too late for it");
    private static final Outcome WRITES = Outcome.refused(Errno.EBUSY, "writes are in flight; try again");
    private static final Outcome CLIENTS_FLUSH = Outcome.refused(
            Errno.EBUSY, "a client's flush is in flight; array_state is notified again when it has ended");
    private static final Outcome FLUSHING = Outcome.refused(
            Errno.EBUSY, "the members are being flushed; array_state is notified again when that is done");
    private static final Outcome IN_DOUBT = Outcome.refused(
            Errno.EBUSY,
            "a failure is not recorded, or the members are not known to agree, and 'clean' would say that they do");
    private static final Outcome NOT_ITS_NAME = Outcome.refused(
            Errno.EBUSY, "only the '/' and the '-' behind 'external:' can be changed while the array is there");

    private static final long ASKED = 1;
    private static final long STORED = 2;
    private static final long KIND_MASK = 3;
    private static final long NEVER = -1;

    private final ExternalKeeper keeper;
    private final int index;
    private final Array array;
    private final List<OptionalInt> slotOfDisk;
    private final String versionOpen;
    private final String versionHeld;
    private volatile boolean heldByHand; // A

    private final AtomicLong dirty = new AtomicLong(); // A
    private volatile long dirtySince; // A: written before the demand
    private @Nullable Answer dirtyAnswer; // Q
    private volatile boolean dirtyDurable; // A: written before the step
    private final WorkItem dirtyStep = new WorkItem(this::answerDirty);
    private final MemberFlush dirtyFlush;

    private final AtomicLongArray failures; // A: by slot
    private final AtomicLongArray failuresSince; // A
    private final @Nullable Answer[] failureAnswers; // Q
    private final AtomicLong stored = new AtomicLong(); // A: slots whose record waits for a flush
    private final AtomicBoolean failureFlushing = new AtomicBoolean(); // A
    private volatile long flushedSlots; // A: written by whoever has failureFlushing
    private volatile boolean failureDurable; // A
    private final WorkItem failureStep = new WorkItem(this::answerFailures);
    private final MemberFlush failureFlush;

    private volatile boolean cleanAsked; // A: active-idle, and nobody has tried to call it clean
    private volatile long cleanSince; // A: written before that
    private final AtomicBoolean cleanFlushing = new AtomicBoolean(); // A
    private volatile long flushedFor = NEVER; // A: writes begun when the flush began, none in flight
    private volatile long flushedAt = NEVER; // A: the same of the last flush that went well
    private final AtomicReference<@Nullable WorkItem> afterFlush = new AtomicReference<>(); // A
    private final MemberFlush cleanFlush;

    private final AtomicBoolean readyFlushing = new AtomicBoolean(); // A
    private final MemberFlush readyFlush;

    private volatile @Nullable ArrayState endedInDoubtAs; // V: what it was before it first ended so

    ExternalVolume(ExternalKeeper keeper, int index, Array array, List<OptionalInt> slotOfDisk) {
        this.keeper = keeper;
        this.index = index;
        this.array = array;
        this.slotOfDisk = List.copyOf(slotOfDisk);
        this.versionOpen = "external:/" + keeper.container() + "/" + index;
        this.versionHeld = "external:-" + keeper.container() + "/" + index;
        int slots = array.view().slots();
        this.failures = new AtomicLongArray(slots);
        this.failuresSince = new AtomicLongArray(slots);
        this.failureAnswers = new @Nullable Answer[slots];
        this.dirtyFlush = new MemberFlush(keeper, keeper.disks(), this::dirtyFlushed);
        this.failureFlush = new MemberFlush(keeper, keeper.disks(), this::failuresFlushed);
        this.cleanFlush = new MemberFlush(keeper, keeper.disks(), this::cleanFlushed);
        this.readyFlush = new MemberFlush(keeper, keeper.disks(), this::readyFlushed);
    }

    int index() {
        return index;
    }

    Array array() {
        return array;
    }

    List<OptionalInt> slotOfDisk() {
        return slotOfDisk;
    }

    // ---------------------------------------------------------------------------------------------- the array asks

    @Override
    public boolean keptOutside() {
        return keeper.isOutside();
    }

    @Override
    public void markDirty(Answer answer) {
        if (keeper.handOn(() -> markDirty(answer))) {
            return;
        }
        NativeKeeper inside = keeper.inside();
        if (inside != null) {
            // Who is missing from the start is recorded with the first mark (mdadm, super-intel.c, mark_missing).
            inside.record(new MetadataEvent.VolumeActivated(index), durable -> {
                if (durable) {
                    inside.record(new MetadataEvent.MarkDirty(index), answer);
                } else {
                    answer.recorded(false);
                }
            });
            return;
        }
        dirtyAnswer = answer;
        dirtySince = keeper.nowNanos();
        dirty.set(keeper.epoch() << 2 | ASKED);
        array.tellStateAgain(); // whoever saw write-pending before this could not be heard yet
    }

    @Override
    public void recordFailure(int slot, Answer answer) {
        if (keeper.handOn(() -> recordFailure(slot, answer))) {
            return;
        }
        NativeKeeper inside = keeper.inside();
        if (inside != null) {
            inside.record(new MetadataEvent.MemberFailed(index, slot), answer);
            return;
        }
        failureAnswers[slot] = answer;
        failuresSince.set(slot, keeper.nowNanos());
        failures.set(slot, keeper.epoch() << 2 | ASKED);
        array.tellStateAgain();
    }

    /**
     * Outside, clean is asked for by {@link #becameIdle}; but whoever stops the array cannot leave that to somebody else. While the engine takes over
     * it is refused, and asked again: put aside, it would be recorded behind a dirty mark that the takeover makes.
     */
    @Override
    public void markClean(Answer answer) {
        boolean stopping = array.view().state() == ArrayState.INACTIVE;
        if (stopping && keeper.isOutside()) {
            keeper.takeOver("the array is stopped");
        }
        if (stopping && keeper.handOnAlways(() -> markClean(answer))) {
            return;
        }
        NativeKeeper inside = keeper.inside();
        if (inside == null) {
            answer.recorded(false);
        } else {
            inside.record(new MetadataEvent.MarkClean(index), answer);
        }
    }

    @Override
    public void becameIdle() {
        if (isDurable(array.writesBegun())) {
            askForClean();
        } else {
            flushForClean(); // and asks then: a daemon is not to answer for the time that the members take
        }
    }

    @Override
    public boolean isDurable(long writesBegun) {
        return keeper.inside() != null || flushedAt == writesBegun; // inside, the keeper flushes before it marks clean
    }

    @Override
    public void makeDurable(WorkItem next) {
        afterFlush.set(next);
        flushForClean();
    }

    /** No write waits for that; but a daemon that has died would leave the array dirty, and no other one would come in. */
    private void askForClean() {
        cleanSince = keeper.nowNanos();
        cleanAsked = true;
    }

    /**
     * The fence comes before the word: whoever reads {@code inactive} or {@code broken} marks clean, and says so over data that is not durable, too.
     * What ends in doubt is settled by the takeover, which makes the metadata say dirty; what was readonly has nothing to be settled, and
     * writes nothing. Later daemons are not shown the word ({@link #shownToDaemons}), so that they can keep the other volumes.
     */
    @Override
    public void ending(boolean agreeing) {
        ArrayState last = array.view().state();
        boolean writing = last == ArrayState.ACTIVE || last == ArrayState.ACTIVE_IDLE;
        boolean quiet = last == ArrayState.READONLY || last == ArrayState.READ_AUTO;
        if (last == ArrayState.INACTIVE) {
            return; // it has ended before, and in what way is known
        }
        if (!agreeing) {
            if (endedInDoubtAs == null) {
                endedInDoubtAs = last;
            }
            if (!quiet) {
                keeper.takeOver("an array ends, and its members are not known to agree");
            }
        } else if (writing && !isDurable(array.writesBegun())) {
            keeper.takeOver("the array is stopped");
        }
    }

    // ---------------------------------------------------------------------------------------------- the daemon answers

    /**
     * An array that is broken, or that ended while its members were not known to agree, is to daemons one that is readonly for good: they leave it
     * alone. Its own words they take for consistent.
     */
    ArrayState shownToDaemons(ArrayState now) {
        boolean inDoubt = now == ArrayState.BROKEN || (now == ArrayState.INACTIVE && endedInDoubtAs != null);
        return inDoubt ? ArrayState.READONLY : now;
    }

    /** With the '-' by which daemons leave a readonly array alone. */
    String versionShownToDaemons() {
        ArrayState now = array.view().state();
        return shownToDaemons(now) == now ? metadataVersion() : versionHeld;
    }

    String metadataVersion() {
        return keeper.isOutside() && !heldByHand ? versionOpen : versionHeld;
    }

    Outcome metadataVersion(AttributeValue value) {
        if (!value.is(versionOpen) && !value.is(versionHeld)) {
            return NOT_ITS_NAME;
        }
        heldByHand = value.is(versionHeld);
        return Outcome.OK;
    }

    Outcome writingWanted(long epoch) {
        if (!keeper.isOutside() || epoch != keeper.epoch()) {
            return NOT_ASKED;
        }
        if (readyFlushing.compareAndSet(false, true)) {
            readyFlush.begin();
        }
        return Outcome.OK;
    }

    private void readyFlushed(boolean good, boolean any) {
        readyFlushing.set(false);
        if (any) {
            array.resumeWriting();
        }
    }

    Outcome dirtyMarked(long epoch) {
        if (dirty.compareAndSet(epoch << 2 | ASKED, epoch << 2 | STORED)) {
            dirtyFlush.begin();
            return Outcome.OK;
        }
        return dirty.get() == (epoch << 2 | STORED) ? Outcome.OK : NOT_ASKED;
    }

    private void dirtyFlushed(boolean good, boolean any) {
        dirtyDurable = any;
        keeper.queue(dirtyStep);
    }

    private void answerDirty() {
        Answer answer = dirtyAnswer;
        dirtyAnswer = null;
        dirty.set(0);
        if (answer != null) {
            answer.recorded(dirtyDurable);
        }
    }

    Outcome failureRecorded(long epoch, int slot) {
        if (!failures.compareAndSet(slot, epoch << 2 | ASKED, epoch << 2 | STORED)) {
            return failures.get(slot) == (epoch << 2 | STORED) ? Outcome.OK : NOT_ASKED;
        }
        stored.getAndAccumulate(1L << slot, (seen, bit) -> seen | bit);
        flushFailures();
        return Outcome.OK;
    }

    private void flushFailures() {
        if (failureFlushing.compareAndSet(false, true)) {
            flushedSlots = stored.get();
            failureFlush.begin();
        }
    }

    private void failuresFlushed(boolean good, boolean any) {
        failureDurable = any;
        keeper.queue(failureStep);
    }

    private void answerFailures() {
        long slots = flushedSlots;
        boolean durable = failureDurable;
        stored.getAndAccumulate(slots, (seen, done) -> seen & ~done);
        failureFlushing.set(false);
        for (int slot = 0; slot < failureAnswers.length; slot++) {
            Answer answer = failureAnswers[slot];
            if ((slots >>> slot & 1) != 0 && answer != null) {
                failureAnswers[slot] = null;
                failures.set(slot, 0);
                answer.recorded(durable);
            }
        }
        if (stored.get() != 0) {
            flushFailures();
        }
        if (array.view().state()
                == ArrayState.ACTIVE_IDLE) { // 'clean' was refused as long as a failure was not recorded
            askForClean();
            array.tellStateAgain();
        }
    }

    /** The step that shuts the gate judges again; the daemon calls nothing clean before it has read {@code clean}. */
    Outcome cleanWanted(long epoch) {
        if (!keeper.isOutside() || epoch != keeper.epoch()) {
            return NOT_ASKED;
        }
        cleanAsked = false;
        if (!array.couldBeCalledClean()) {
            return IN_DOUBT;
        }
        long begun = array.writesBegunIfNoneInside();
        if (begun == NEVER) {
            return WRITES;
        }
        if (array.heldUpByFlush()) {
            return CLIENTS_FLUSH;
        }
        if (!isDurable(begun)) {
            flushForClean();
            return FLUSHING;
        }
        array.becomeClean(begun);
        return Outcome.OK;
    }

    private void flushForClean() {
        if (!cleanFlushing.compareAndSet(false, true)) {
            return;
        }
        flushedFor = array.writesBegunIfNoneInside();
        cleanFlush.begin();
    }

    private void cleanFlushed(boolean good, boolean any) {
        if (good) {
            flushedAt = flushedFor;
        }
        cleanFlushing.set(false);
        WorkItem next = afterFlush.getAndSet(null);
        if (next != null) {
            keeper.queue(next);
        }
        if (array.view().state() == ArrayState.ACTIVE_IDLE) {
            askForClean();
        }
        array.tellStateAgain();
    }

    // ---------------------------------------------------------------------------------------------- for the takeover

    /** Whether a demand has waited for so long. Any thread. */
    boolean isOverdue(long nowNanos, long deadlineNanos) {
        if ((dirty.get() & KIND_MASK) == ASKED && nowNanos - dirtySince >= deadlineNanos) {
            return true;
        }
        if (cleanAsked && nowNanos - cleanSince >= deadlineNanos && array.view().state() == ArrayState.ACTIVE_IDLE) {
            return true;
        }
        for (int slot = 0; slot < failures.length(); slot++) {
            if ((failures.get(slot) & KIND_MASK) == ASKED && nowNanos - failuresSince.get(slot) >= deadlineNanos) {
                return true;
            }
        }
        return false;
    }

    /** What the metadata must say of the volume, whatever the daemon has recorded. On the queue. */
    List<MetadataEvent> truth() {
        ArrayView now = array.view();
        ArrayState ended = endedInDoubtAs;
        ArrayState state = ended == null ? now.state() : ended;
        List<MetadataEvent> events = new ArrayList<>();
        switch (state) {
            case CLEAR, INACTIVE, SUSPENDED, READONLY, READ_AUTO, BROKEN -> {}
            case CLEAN -> {
                events.add(new MetadataEvent.VolumeActivated(index));
                if (now.redundancyKnown()) { // it was not called clean before all data was durable
                    events.add(new MetadataEvent.MarkClean(index));
                }
            }
            case ACTIVE, WRITE_PENDING, ACTIVE_IDLE -> {
                events.add(new MetadataEvent.VolumeActivated(index));
                events.add(new MetadataEvent.MarkDirty(index));
            }
        }
        if (state != ArrayState.READONLY && state != ArrayState.READ_AUTO) {
            for (int slot = 0; slot < now.slots(); slot++) {
                MemberState member = now.memberState(slot);
                boolean failed = member == MemberState.FAULTY || member == MemberState.FAULTY_BLOCKED;
                boolean removed = member == MemberState.MISSING && now.occupant(slot) != null;
                if (failed || removed) {
                    events.add(new MetadataEvent.MemberFailed(index, slot));
                }
            }
        }
        return events;
    }

    /** Takes the demands that nobody has met; their answers wait for the takeover's own round. On the queue. */
    void takeDemands(List<Answer> taken) {
        Answer wantsDirty = dirtyAnswer;
        if (wantsDirty != null && (dirty.get() & KIND_MASK) == ASKED && take(dirty)) {
            dirtyAnswer = null;
            taken.add(wantsDirty);
        }
        for (int slot = 0; slot < failures.length(); slot++) {
            long word = failures.get(slot);
            Answer wantsRecord = failureAnswers[slot];
            if (wantsRecord != null && (word & KIND_MASK) == ASKED && failures.compareAndSet(slot, word, 0)) {
                failureAnswers[slot] = null;
                taken.add(wantsRecord);
            }
        }
    }

    private static boolean take(AtomicLong demand) {
        long word = demand.get();
        return (word & KIND_MASK) == ASKED && demand.compareAndSet(word, 0);
    }

    /** The disks that whoever keeps the metadata has to have read: those with a member that counts. */
    long disksInUse() {
        ArrayView now = array.view();
        long disks = 0;
        for (int disk = 0; disk < slotOfDisk.size(); disk++) {
            OptionalInt slot = slotOfDisk.get(disk);
            if (slot.isPresent() && now.inSync(slot.getAsInt())) {
                disks |= 1L << disk;
            }
        }
        return disks;
    }

    /** The disks with a slot in the volume. */
    long disks() {
        long disks = 0;
        for (int disk = 0; disk < slotOfDisk.size(); disk++) {
            disks |= slotOfDisk.get(disk).isPresent() ? 1L << disk : 0;
        }
        return disks;
    }

    /** A disk is failed for the whole container (mdmon, monitor.c, reconcile_failed). */
    void spreadFailures(ContainerMetadata image) {
        for (SlotPicture slot : image.picture().volumes().get(index).slots()) {
            if (slot.state() == SlotState.FAILED && array.view().inSync(slot.slot())) {
                array.failMember(slot.slot());
            }
        }
    }

    void diskLost(int disk) {
        OptionalInt slot = slotOfDisk.get(disk);
        if (slot.isPresent()) {
            array.failMember(slot.getAsInt());
        }
    }
}
