package redoubt.md;

import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import redoubt.base.ArrayState;
import redoubt.base.Beat;
import redoubt.base.Bug;
import redoubt.base.Heartbeat;
import redoubt.base.ReclaimSafe;
import redoubt.block.BlockDevice;
import redoubt.block.BlockLimits;
import redoubt.block.IoCompletion;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;
import redoubt.block.IoStatus;
import redoubt.workqueue.WorkItem;
import redoubt.workqueue.Workqueue;

/**
 * An array: a device made of members.
 *
 * <p><b>The way of a write.</b> {@link #submit} counts it in at the {@code entrance} (which is shut while the array is suspended), then at
 * the {@link WriteGate} (which is shut while the metadata does not say dirty), captures the view and hands it to the personality. Its
 * children go to the members; the last one that ends brings it to {@link #childrenSettled}. If no member failed it is settled; if one
 * did, it is parked until the failure is durable on the survivors, and done again on those. A read for which nobody is left is
 * done piece by piece ({@link NarrowReads}) before it is given up.
 *
 * <p><b>What waits for a record.</b> From the moment a member is found faulty until that is durable, no write and no flush is
 * acknowledged, whether it met the failure or not: a power cut in between would let a stale member pass for a good one.
 *
 * <p><b>A broken array promises nothing any more.</b> What made it break may have been data that was acknowledged and not yet durable, and a
 * member tells of that once; so no flush and no FUA is answered OK until it is assembled again. A level without redundancy breaks by the
 * first flush that fails.
 *
 * <p><b>Threads.</b> All changes of state are steps on the array's ordered queue, which do no I/O and never wait; everybody else reads
 * {@link #view()}. There is no lock. Field legend. V: published whole; A: any thread, atomically; Q: the queue only; C: constant.
 */
public final class Array implements BlockDevice, PersonalityHost {

    private static final Bug NO_PARENT = Bug.of("a child without a parent");

    private static final long STOP_POLL_NANOS = 1_000_000L;

    private final ArrayPlan plan; // C
    private final Personality personality; // C
    private final Traits traits; // C
    private final BlockLimits limits; // C
    private final Workqueue queue; // C
    private final Heartbeat heartbeat; // C
    private final IoRequestPool pool; // C
    private final IoMemory memory; // C
    private final AtomicReference<ArrayListener[]> listeners = new AtomicReference<>(new ArrayListener[0]); // A
    private final Beat safeMode = this::lookForIdleness;
    private final IoCompletion flushEnded = this::flushEnded; // made once: a method reference is an object each time

    private volatile ArrayView view; // V
    private final Turnstile entrance; // A
    private final WriteGate gate; // A
    private final NarrowReads narrowReads; // A
    private final WishedState wished; // A
    private final MemberFailures failures; // A
    private final StarvedRequests starved; // A
    private final Settlement settlement; // A
    private final ArrayEnd end; // A
    private final @Nullable QueuedFlushes queuedFlushes; // C: in the model of an older md only
    private final AtomicLong badBlocksOutside = new AtomicLong(); // A: slots
    private volatile boolean stopped; // A
    private volatile long safeModeDelayNanos; // A
    private @Nullable MetadataKeeper keeper; // set once, before the first request

    /**
     * Makes an array that is not started: requests wait until {@link #start}.
     *
     * @param personality makes the personality over this array
     * @param queue the ordered queue of the array, shared with the other arrays of its container
     * @param pool where children come from; this array's own
     * @param memory where personalities take scratch memory, and where requests' buffers come from
     */
    public Array(
            ArrayPlan plan,
            Function<PersonalityHost, Personality> personality,
            Workqueue queue,
            Heartbeat heartbeat,
            IoRequestPool pool,
            IoMemory memory) {
        this(plan, personality, queue, heartbeat, pool, memory, null);
    }

    /**
     * The same, as md was.
     *
     * @param flushes the queue that flushes go through, in the model of Linux before 6.12; null where they go to the members at once
     */
    public Array(
            ArrayPlan plan,
            Function<PersonalityHost, Personality> personality,
            Workqueue queue,
            Heartbeat heartbeat,
            IoRequestPool pool,
            IoMemory memory,
            @Nullable FlushQueue flushes) {
        this.queuedFlushes = flushes == null ? null : new QueuedFlushes(this, flushes);
        this.plan = plan;
        this.queue = queue;
        this.heartbeat = heartbeat;
        this.pool = pool;
        this.memory = memory;
        this.entrance = new Turnstile(false, this::submit);
        this.personality = personality.apply(this);
        this.traits = this.personality.traits();
        this.limits = limitsOf(plan, traits, memory);
        this.gate = new WriteGate(this, queue, this::admitWrite, this::admitFlush);
        this.narrowReads = new NarrowReads(this, memory, plan.blockBytes());
        this.wished = new WishedState(this, gate, queue);
        this.view = firstView(plan);
        this.safeModeDelayNanos = plan.safeModeDelayNanos();
        this.failures = new MemberFailures(this, queue);
        this.settlement = new Settlement(this, failures, narrowReads, memory, queue, heartbeat.clock());
        this.end = new ArrayEnd(this, gate, failures, queue, heartbeat.clock());
        this.starved = new StarvedRequests(pool, Math.min(traits.maxChildren(), pool.total()), this::begin);
        pool.whenReturned(starved::feed);
    }

    private static BlockLimits limitsOf(ArrayPlan plan, Traits traits, IoMemory memory) {
        int longest = Math.min(traits.maxTransferBytes(), memory.largestBytes());
        boolean trims = true;
        boolean fastZeroes = true;
        boolean rotational = false;
        for (ArrayPlan.Occupant occupant : plan.occupants()) {
            Member member = occupant.member();
            if (member != null && occupant.state() == MemberState.IN_SYNC) {
                BlockLimits device = member.device().limits();
                trims &= device.trims();
                fastZeroes &= device.fastZeroes();
                rotational |= device.rotational();
            }
        }
        int block = plan.blockBytes();
        int preferred = Math.max(block, Math.min(traits.preferredBytes(), longest) / block * block);
        return new BlockLimits(
                plan.sizeBytes(),
                block,
                preferred,
                longest / block * block,
                plan.readOnly(),
                trims,
                fastZeroes,
                rotational);
    }

    private static ArrayView firstView(ArrayPlan plan) {
        int slots = plan.occupants().size();
        @Nullable Member[] members = new @Nullable Member[slots];
        MemberState[] states = new MemberState[slots];
        for (int slot = 0; slot < slots; slot++) {
            members[slot] = plan.occupants().get(slot).member();
            states[slot] = plan.occupants().get(slot).state();
        }
        return new ArrayView(
                0, ArrayState.INACTIVE, members, states, plan.redundancyKnown(), plan.writeHoleAccepted(), false);
    }

    // ---------------------------------------------------------------------------------------------- start and stop

    /**
     * Starts the array: requests pass from here on. Called once.
     *
     * @param keeper who keeps the metadata; null where the array is read-only or has none
     */
    public void start(@Nullable MetadataKeeper keeper) {
        this.keeper = keeper;
        ArrayState first;
        if (plan.readOnly() || (traits.redundant() && keeper != null && keeper.keptOutside())) {
            first = ArrayState.READONLY; // whoever keeps the metadata outside takes it from there
        } else if (traits.redundant() && (plan.markedDirty() || keeper == null)) {
            first = ArrayState.ACTIVE;
        } else {
            first = ArrayState.CLEAN;
        }
        ArrayView now = view;
        publish(
                personality.operational(now.inSyncSlots())
                        ? now.withState(first)
                        : now.withState(first).asBroken());
        if (first == ArrayState.ACTIVE || !traits.redundant()) {
            gate.open();
        }
        gate.startMarked(plan.markedDirty());
        heartbeat.register(safeMode);
        entrance.open();
    }

    /**
     * New requests wait from here on; those inside go on. Undone by {@link #resume}. For control threads.
     *
     * @return whether all requests were out when the limit was over
     */
    public boolean suspend(long limitNanos) {
        entrance.shut();
        long deadline = heartbeat.clock().nanos() + limitNanos;
        while (entrance.inside() != 0) {
            if (heartbeat.clock().nanos() - deadline >= 0) {
                return false;
            }
            LockSupport.parkNanos(this, STOP_POLL_NANOS);
        }
        return true;
    }

    /** Lets requests pass again after {@link #suspend}. */
    public void resume() {
        entrance.open();
    }

    /**
     * Stops the array: requests under way end, the metadata is marked clean where that is true, later requests are answered
     * {@link IoStatus#GONE}, and so are those that still wait when the limit is over. Devices stay open. For control threads; returns
     * within the limit, whatever the members do.
     *
     * @return whether everything ended, every failure is recorded, and the members say clean or never could: an array whose members are not
     *     known to agree stays dirty
     */
    public boolean stop(long limitNanos) {
        boolean good = end.stop(limitNanos);
        if (good) {
            personality.stop();
        }
        return good;
    }

    /** Whoever waits for a record or for children that nobody brings any more is let go. */
    void releaseGone() {
        settlement.releaseGone();
        QueuedFlushes asBefore = queuedFlushes;
        if (asBefore != null) {
            asBefore.releaseGone();
        }
        settlement.settleAll(starved.list());
        narrowReads.releaseParked();
    }

    boolean gaveUp() {
        return end.gaveUp();
    }

    /** Whoever comes from here on is refused, and whoever waits for an entrance is let go with that. */
    void refuseAll() {
        stopped = true;
        heartbeat.unregister(safeMode);
        entrance.admitParked();
        gate.admitAll();
    }

    /** A mark or a record was answered, and a stop may have waited for it. On the queue. */
    void lookWhetherEnded() {
        end.look();
    }

    void settleAll(AtomicReference<@Nullable IoRequest> list) {
        settlement.settleAll(list);
    }

    @Override
    public void close() {
        stop(TimeUnit.SECONDS.toNanos(1));
    }

    // ---------------------------------------------------------------------------------------------- what others see

    @Override
    public ArrayView view() {
        return view;
    }

    @Override
    public long soundSlots() {
        ArrayView now = view;
        return now.broken() ? now.inSyncSlots() : now.inSyncSlots() & ~failures.slots();
    }

    /** What it was made from. */
    public ArrayPlan plan() {
        return plan;
    }

    /** What is always true of its level. */
    public Traits traits() {
        return traits;
    }

    @Override
    public BlockLimits limits() {
        return limits;
    }

    /** Adds somebody who is told of changes from now on. */
    public void addListener(ArrayListener listener) {
        listeners.updateAndGet(before -> {
            ArrayListener[] more = Arrays.copyOf(before, before.length + 1);
            more[before.length] = listener;
            return more;
        });
    }

    /** Takes somebody away again; a change under way may still be told. */
    public void removeListener(ArrayListener listener) {
        listeners.updateAndGet(before ->
                Arrays.stream(before).filter(other -> other != listener).toArray(ArrayListener[]::new));
    }

    /** How many requests are inside: 0 when nothing is open. */
    public int requestsInside() {
        return entrance.inside();
    }

    // ---------------------------------------------------------------------------------------------- a request's way

    @ReclaimSafe
    @Override
    public void submit(IoRequest request) {
        IoStatus refused = stopped ? IoStatus.GONE : limits.check(request);
        if (refused != IoStatus.OK) {
            request.complete(refused);
            return;
        }
        if (!entrance.enter(request)) {
            if (stopped) { // since we looked: those parked have been let go, and nobody comes for this one
                entrance.admitParked();
            }
            return;
        }
        QueuedFlushes asBefore = queuedFlushes;
        if (asBefore != null && request.promisesDurability()) {
            asBefore.take(request);
        } else if (request.operation().changesData()) {
            admitWrite(request);
        } else if (request.operation() == IoOperation.FLUSH) {
            admitFlush(request);
        } else {
            begin(request);
        }
    }

    void admitWrite(IoRequest request) {
        if (stopped) {
            leave(request, IoStatus.GONE);
            return;
        }
        ArrayView now = view;
        if (now.broken()) {
            leave(request, IoStatus.IO_ERROR);
            return;
        }
        if (now.state() == ArrayState.READONLY) {
            leave(request, IoStatus.READ_ONLY);
            return;
        }
        if (gate.enter(request)) {
            begin(request);
        } else if (stopped) {
            gate.admitAll();
        }
    }

    private void admitFlush(IoRequest request) {
        if (stopped) {
            leave(request, IoStatus.GONE);
        } else if (gate.enterFlush(request)) {
            begin(request);
        } else if (stopped) {
            gate.admitAll();
        }
    }

    void begin(IoRequest request) {
        ArrayView now = view;
        if (request.operation() == IoOperation.FLUSH) {
            flushMembers(request, now);
        } else if (request.operation() == IoOperation.TRIM && !limits.trims()) {
            finished(request, IoStatus.OK);
        } else if ((request.flags() & IoRequest.FAST_ZERO) != 0 && !limits.fastZeroes()) {
            finished(request, IoStatus.UNSUPPORTED);
        } else {
            personality.submit(request, now);
        }
    }

    /** A flush is the same at every level: durable means durable on every member that is in sync. */
    private void flushMembers(IoRequest request, ArrayView now) {
        int members = Long.bitCount(now.inSyncSlots());
        if (plan.readOnly() || members == 0 || now.broken()) {
            finished(request, now.broken() ? IoStatus.IO_ERROR : IoStatus.OK);
            return;
        }
        if (!reserve(members)) {
            waitForChildren(request);
            return;
        }
        request.expectChildren(members);
        for (int slot = 0; slot < now.slots(); slot++) {
            if (now.inSync(slot)) {
                IoRequest child = pool.take().prepare(IoOperation.FLUSH, 0, 0, 0, null, 0, flushEnded);
                child.parent = request;
                child.slot = slot;
                now.member(slot).submit(child);
            }
        }
    }

    private void flushEnded(IoRequest child) {
        IoRequest parent = parentOf(child);
        boolean last = childEnded(parent, child, child.slot);
        child.free();
        if (last) {
            childrenSettled(parent);
        }
    }

    /** The request that a child is a part of. */
    public static IoRequest parentOf(IoRequest child) {
        IoRequest parent = child.parent;
        if (parent == null) {
            throw NO_PARENT;
        }
        return parent;
    }

    // ---------------------------------------------------------------------------------------------- its children

    @Override
    public boolean reserve(int children) {
        return pool.reserve(children);
    }

    @Override
    public IoRequest child() {
        return pool.take();
    }

    @Override
    public void unreserve(int children) {
        pool.unreserve(children);
    }

    @Override
    public IoMemory memory() {
        return memory;
    }

    @Override
    public void waitForChildren(IoRequest parent) {
        starved.park(parent);
        if (end.gaveUp()) {
            releaseGone();
        }
        starved.feed();
    }

    @ReclaimSafe
    @Override
    public boolean childEnded(IoRequest parent, IoRequest child, int slot) {
        return settlement.childEnded(parent, child, slot);
    }

    @ReclaimSafe
    @Override
    public void childrenSettled(IoRequest parent) {
        settlement.childrenSettled(parent);
    }

    @ReclaimSafe
    @Override
    public void finished(IoRequest parent, IoStatus how) {
        settlement.finished(parent, how);
    }

    /** A piece of a read that is inside: nothing shuts it out. */
    void beginInside(IoRequest piece) {
        entrance.enterFromInside();
        begin(piece);
    }

    /** A flush that nobody asked for from outside: nothing shuts it out. */
    void flushInside(IoRequest flush) {
        entrance.enterFromInside();
        admitFlush(flush);
    }

    /** Whether a write that comes now would wait for a dirty mark. */
    boolean holdsWrites() {
        ArrayView now = view;
        return !stopped && !now.broken() && now.state() != ArrayState.READONLY && !gate.isOpen();
    }

    /** A request ends, and is not tried in any other way. */
    void leave(IoRequest parent, IoStatus how) {
        gate.leave(parent);
        entrance.leave();
        parent.complete(how);
    }

    // ---------------------------------------------------------------------------------------------- failures

    /** Takes a member out: it failed a write, did not answer, or somebody said so. Any thread; never blocks. */
    public void failMember(int slot) {
        failures.found(slot);
    }

    /**
     * Takes a member out because somebody says so, unless the array would not survive that: those that have been found faulty and are not
     * taken out yet count as gone. Any thread; never blocks.
     *
     * @return whether it is out, or was
     */
    public boolean failMemberIfSurvived(int slot) {
        return failures.foundIfSurvived(slot);
    }

    /** Whether these slots are enough. What another one held would be made from parity, which must be known to be right then. */
    boolean survives(ArrayView now, long left) {
        boolean trusted = now.parityTrusted() || !traits.dirtyDegradedLoses();
        return trusted && personality.operational(left);
    }

    /** Writing begins again: what failed while nothing was to be written is recorded before any write is acknowledged. On the queue. */
    void recordLateFailures() {
        failures.recordLate();
    }

    /** Whether every failure that was found is durable on the survivors. */
    boolean allRecorded() {
        return failures.allRecorded();
    }

    /** Something was recorded, or is not to be. On the queue. */
    void releaseRecorded() {
        settlement.releaseRecorded();
    }

    // ---------------------------------------------------------------------------------------------- state (on the
    // queue)

    private void lookForIdleness(long nowNanos) {
        gate.lookForIdleness(nowNanos);
    }

    /** Becomes clean now if no write is inside, without waiting for the delay. */
    void tryClean() {
        gate.tryClean();
    }

    /** What may be stored in {@code array_state}. */
    WishedState wished() {
        return wished;
    }

    @Nullable
    MetadataKeeper keeper() {
        return keeper;
    }

    boolean mayBecomeClean() {
        ArrayView now = view;
        return now.state() == ArrayState.ACTIVE
                && now.redundancyKnown()
                && keeper != null
                && traits.redundant()
                && allRecorded();
    }

    long safeModeDelayNanos() {
        return safeModeDelayNanos;
    }

    void safeModeDelayNanos(long delay) {
        safeModeDelayNanos = delay;
    }

    void enterState(ArrayState next) {
        publish(view.withState(next));
    }

    /** Lets writes that are parked at the gate try again. */
    void admitToGate() {
        gate.admitParked();
    }

    void becomeBroken() {
        tellEnding(false); // a write may be under way
        publish(view.asBroken());
    }

    /** Before a word is shown that somebody outside takes for consistent. On the queue. */
    void tellEnding(boolean agreeing) {
        MetadataKeeper keeping = keeper;
        if (keeping != null && traits.redundant() && !view.broken()) {
            keeping.ending(agreeing);
        }
    }

    void publish(ArrayView next) {
        ArrayView before = view;
        if (!before.state().mayBecome(next.state())) {
            throw new IllegalStateException(plan.name() + " may not go from "
                    + before.state().word() + " to " + next.state().word());
        }
        view = next;
        if (next.broken() && !before.broken()) {
            personality.broke();
        }
        for (ArrayListener listener : listeners.get()) {
            listener.viewChanged(before, next);
        }
    }

    /** Tells those who listen that something happened, in mdadm --monitor's word or one of our own. On the queue. */
    public void event(String word, String member) {
        for (ArrayListener listener : listeners.get()) {
            listener.event(word, member);
        }
    }

    // ---------------------------------------------------------------------------------------------- kept outside

    /** A number that changes with every write that begins. Any thread. */
    public long writesBegun() {
        return gate.writesBegun();
    }

    /** The same, as of a moment at which none was in flight: whoever flushes the members now flushes all of these. -1 if one is. Any thread. */
    public long writesBegunIfNoneInside() {
        return gate.writesBegunIfNoneInside();
    }

    /** Whether the array could be called clean, as far as anybody knows who is not on its queue: nothing is unrecorded or in doubt. */
    public boolean couldBeCalledClean() {
        ArrayView now = view;
        return (now.state() == ArrayState.ACTIVE || now.state() == ArrayState.ACTIVE_IDLE)
                && now.redundancyKnown()
                && traits.redundant()
                && allRecorded();
    }

    /**
     * Becomes clean in a step, if that finds no write and no flush in flight and none begun since. Any thread.
     *
     * @param writesBegun what {@link #writesBegunIfNoneInside} said when the members were flushed
     */
    public void becomeClean(long writesBegun) {
        gate.becomeClean(writesBegun);
    }

    /** Whether a flush of a client keeps it from becoming clean; then the state is told again when none does. Any thread. */
    public boolean heldUpByFlush() {
        return gate.heldUpByFlush();
    }

    /** Leaves readonly or read-auto in a step. Any thread. */
    public void resumeWriting() {
        wished.queueResumption();
    }

    /** Says again what {@code array_state} is. Any thread; allocates nothing. */
    public void tellStateAgain() {
        for (ArrayListener listener : listeners.get()) {
            listener.stateToldAgain();
        }
    }

    /** Whether the member in this slot says {@code external_bbl}, for what that is worth: nothing is kept in such a list yet. */
    boolean badBlocksOutside(int slot) {
        return (badBlocksOutside.get() >>> slot & 1) != 0;
    }

    void badBlocksOutside(int slot, boolean outside) {
        badBlocksOutside.getAndAccumulate(1L << slot, (seen, bit) -> outside ? seen | bit : seen & ~bit);
    }

    /**
     * Takes a member that failed, and whose failure is recorded, out of its slot. Any thread that may wait for stores.
     *
     * @return whether it is out
     */
    boolean removeMember(int slot) {
        ArrayView now = view;
        if (now.memberState(slot) != MemberState.FAULTY || WishedState.isQuiet(now)) {
            return false;
        }
        queue.queue(new WorkItem(() -> {
            if (view.memberState(slot) == MemberState.FAULTY) {
                publish(view.withMember(slot, MemberState.MISSING));
            }
        }));
        for (ArrayListener listener : listeners.get()) {
            listener.memberRemoved(slot);
        }
        return true;
    }
}
