package redoubt.block;

import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import org.jspecify.annotations.Nullable;
import redoubt.base.Bug;

/**
 * One request on its way to a device. Pooled: made at start, filled, submitted, settled, freed.
 *
 * <p><b>Life.</b> {@link IoRequestPool#take} → the asker calls {@link #prepare} → {@link BlockDevice#submit} → the device settles it,
 * which calls {@link IoCompletion#completed} exactly once → the asker calls {@link #free}.
 *
 * <p><b>Two holds.</b> The asker and the device each hold the request. The device lets go with {@link #complete}, normally in the
 * same breath as it settles it. When a call hangs, somebody else settles it with {@link #settle} ({@link IoStatus#TIMED_OUT}), and
 * the request, with the buffer it carries, stays in quarantine until the hung call comes back and the device calls
 * {@link #abandon}. Only when both holds are gone does it return to its pool.
 *
 * <p><b>Parents.</b> A request that is split has children, which name it as {@link #parent}; {@link #expectChildren} says how many, each
 * reports with {@link #childSettled}, and the last one's report answers true: it settles the parent.
 *
 * <p>Fields are written by the asker before it submits and read by the device; whatever hands the request to another thread
 * publishes them. Reading {@link #status()} is safe for the completed asker only.
 */
public final class IoRequest {

    private static final Bug NOBODY_ASKED = Bug.of("a request without an asker was settled");
    private static final Bug IN_USE = Bug.of("a request was taken that is in use");
    private static final Bug NO_BUFFER = Bug.of("a request that moves bytes carries no buffer");
    private static final Bug FREED_TWICE = Bug.of("a request was freed twice");

    /** Flag: the answer means durable, for this request's own data. */
    public static final int FUA = 1;
    /** Flag of WRITE_ZEROES: keep the space allocated. */
    public static final int NO_HOLE = 2;
    /** Flag of WRITE_ZEROES: answer {@link IoStatus#UNSUPPORTED} at once if it is not quicker than writing. */
    public static final int FAST_ZERO = 4;

    /** Answer of ALLOCATION: the range holds no space of its own. */
    public static final int ALLOCATION_HOLE = 1;
    /** Answer of ALLOCATION: the range reads as zeroes. */
    public static final int ALLOCATION_ZERO = 2;

    private static final int FREE = 0;
    private static final int PREPARED = 1;
    private static final int SETTLED = 2;

    private static final AtomicIntegerFieldUpdater<IoRequest> STATE =
            AtomicIntegerFieldUpdater.newUpdater(IoRequest.class, "state");
    private static final AtomicIntegerFieldUpdater<IoRequest> HOLDS =
            AtomicIntegerFieldUpdater.newUpdater(IoRequest.class, "holds");
    private static final AtomicIntegerFieldUpdater<IoRequest> OPEN_CHILDREN =
            AtomicIntegerFieldUpdater.newUpdater(IoRequest.class, "openChildren");

    private static final AtomicLongFieldUpdater<IoRequest> FAILED_SLOTS =
            AtomicLongFieldUpdater.newUpdater(IoRequest.class, "failedSlots");

    private final IoRequestPool pool;
    private final int index;

    private IoOperation operation = IoOperation.FLUSH;
    private long offset;
    private long length;
    private int flags;
    private @Nullable IoBuffer buffer;
    private int bufferOffset;
    private IoCompletion completion = NOBODY;

    private IoStatus status = IoStatus.OK;
    private volatile int state;

    @SuppressWarnings("UnusedVariable") // through its updater
    private volatile int holds;

    @SuppressWarnings("UnusedVariable") // through its updater
    private volatile int openChildren;

    @SuppressWarnings("UnusedVariable") // through its updater
    private volatile long failedSlots;

    private volatile @Nullable IoStatus refusal;
    private volatile boolean childDone;

    /** The request this is a part of; set by whoever splits, null for a request of its own. */
    public @Nullable IoRequest parent;

    /** For a list that the request waits in: a gate, a stripe, a mailbox, a lane. Belongs to whoever owns the request now. */
    public @Nullable IoRequest next;

    /** What the asker wants to remember: an object. Not touched by devices. */
    public @Nullable Object attachment;

    /** What the asker wants to remember: the slot of the member that this child goes to, or -1. Not touched by devices. */
    public int slot;

    /** What the asker wants to remember: a number. Not touched by devices. */
    public long cookie;

    /** A number that the device answers with: how many pairs an ALLOCATION wrote. */
    public int result;

    /** Bit k set: slot k is not asked again for this request. Belongs to the array that has it; {@link #prepare} clears it. */
    public long avoidedSlots;

    /**
     * Whether a call that has not come back may still write into {@link #buffer()}: the request goes on in other memory. Set by the
     * array that has the request; {@link #prepare} clears it.
     */
    public boolean memoryInDoubt;

    /** Whether it is counted at the write gate of the array that has it; {@link #prepare} clears it. */
    public boolean gatePassed;

    /** How often the array that has the request has started it again; {@link #prepare} clears it. */
    public int attempts;

    /** When the current device accepted it, by a clock of that device, which alone writes and reads it. */
    public long acceptedNanos;

    IoRequest(IoRequestPool pool, int index) {
        this.pool = pool;
        this.index = index;
    }

    private static final IoCompletion NOBODY = IoRequest::unexpected;

    private static void unexpected(IoRequest request) {
        throw NOBODY_ASKED;
    }

    int index() {
        return index;
    }

    void taken() {
        if (state != FREE) {
            throw IN_USE;
        }
    }

    /**
     * Fills the request; it holds the buffer from now on until both its holds are gone.
     *
     * @param offset first byte on the device, 0 for FLUSH
     * @param length bytes, 0 for FLUSH
     * @param flags of {@link #FUA}, {@link #NO_HOLE}, {@link #FAST_ZERO}
     * @param buffer the memory, null where the operation moves none
     * @param bufferOffset where in the buffer the first byte stands
     * @param completion who is told
     */
    public IoRequest prepare(
            IoOperation operation,
            long offset,
            long length,
            int flags,
            @Nullable IoBuffer buffer,
            int bufferOffset,
            IoCompletion completion) {
        if (buffer != null) {
            buffer.retain();
        }
        this.operation = operation;
        this.offset = offset;
        this.length = length;
        this.flags = flags;
        this.buffer = buffer;
        this.bufferOffset = bufferOffset;
        this.completion = completion;
        this.status = IoStatus.OK;
        this.parent = null;
        this.next = null;
        this.attachment = null;
        this.slot = -1;
        this.cookie = 0;
        this.result = 0;
        this.avoidedSlots = 0;
        this.attempts = 0;
        this.memoryInDoubt = false;
        this.gatePassed = false;
        this.openChildren = 0;
        this.failedSlots = 0;
        this.refusal = null;
        this.childDone = false;
        this.holds = 2;
        this.state = PREPARED;
        return this;
    }

    /** What is asked. */
    public IoOperation operation() {
        return operation;
    }

    /** First byte on the device. */
    public long offset() {
        return offset;
    }

    /** Bytes. */
    public long length() {
        return length;
    }

    /** Flags: {@link #FUA}, {@link #NO_HOLE}, {@link #FAST_ZERO}. */
    public int flags() {
        return flags;
    }

    /** Whether the answer means durable. */
    public boolean fua() {
        return (flags & FUA) != 0;
    }

    /** Whether it is a change that must be durable when it ends: reads may carry {@link #FUA} too, and it means nothing there. */
    public boolean changesForGood() {
        return fua() && operation.changesData();
    }

    /** Whether its end says that something is durable: a flush, or such a change. */
    public boolean promisesDurability() {
        return operation == IoOperation.FLUSH || changesForGood();
    }

    /** The memory. */
    public IoBuffer buffer() {
        IoBuffer present = buffer;
        if (present == null) {
            throw NO_BUFFER;
        }
        return present;
    }

    /** Where in {@link #buffer()} the first byte stands. */
    public int bufferOffset() {
        return bufferOffset;
    }

    /** Whether there is a buffer, and room in it for so many bytes from {@link #bufferOffset()} on. */
    public boolean bufferHolds(long bytes) {
        IoBuffer present = buffer;
        return present != null && bufferOffset >= 0 && bytes <= (long) present.capacity() - bufferOffset;
    }

    /** The native address of the first byte. */
    public long address() {
        return buffer().address() + bufferOffset;
    }

    /**
     * Gives the request other memory: for a read whose first memory a hung call may still write into. The old buffer loses this
     * request as a holder; the caller owns nothing of either. Only while no device has the request.
     */
    public void replaceBuffer(IoBuffer fresh, int freshOffset) {
        fresh.retain();
        IoBuffer old = buffer;
        buffer = fresh;
        bufferOffset = freshOffset;
        if (old != null) {
            old.release();
        }
    }

    /** How it ended. */
    public IoStatus status() {
        return status;
    }

    /** Whether it has been settled. */
    public boolean settled() {
        return state == SETTLED;
    }

    /**
     * The device's normal end: it is done with the memory and settles the request, unless somebody settled it before.
     *
     * @return whether this call settled it
     */
    public boolean complete(IoStatus how) {
        // The hold goes first, so that an asker which frees the request in its completion finds it free.
        if (STATE.compareAndSet(this, PREPARED, SETTLED)) {
            status = how;
            HOLDS.getAndDecrement(this);
            completion.completed(this);
            return true;
        }
        abandon();
        return false;
    }

    /**
     * Settles the request for a device whose call has not come back. The device keeps its hold.
     *
     * @return whether this call settled it
     */
    public boolean settle(IoStatus how) {
        if (STATE.compareAndSet(this, PREPARED, SETTLED)) {
            status = how;
            completion.completed(this);
            return true;
        }
        return false;
    }

    /** In its completion: whether the device's call has not come back, so that the memory is still in its hands. */
    public boolean inQuarantine() {
        return holds > 1;
    }

    /** The device's call came back after somebody else had settled the request: the device lets go. */
    public void abandon() {
        drop();
    }

    /** The asker lets go; called once, after the completion. */
    public void free() {
        drop();
    }

    private void drop() {
        int left = HOLDS.decrementAndGet(this);
        if (left == 0) {
            IoBuffer held = buffer;
            buffer = null;
            parent = null;
            attachment = null;
            completion = NOBODY;
            state = FREE;
            if (held != null) {
                held.release();
            }
            pool.giveBack(this);
        } else if (left < 0) {
            throw FREED_TWICE;
        }
    }

    /** Says how many children will report; before the first of them is submitted. Forgets what earlier children reported. */
    public void expectChildren(int count) {
        refusal = null;
        childDone = false;
        FAILED_SLOTS.set(this, 0);
        openChildren = count;
    }

    /** A child met a failure of the member in this slot (0 to 63). Any child's thread. */
    public void slotFailed(int slot) {
        while (true) {
            long seen = failedSlots;
            if (FAILED_SLOTS.compareAndSet(this, seen, seen | 1L << slot)) {
                return;
            }
        }
    }

    /** Bit k set: a child met a failure of the member in slot k. Complete when {@link #childSettled} answered true. */
    public long failedSlots() {
        return failedSlots;
    }

    /** A child did what was asked of it. Any child's thread. */
    public void childDone() {
        if (!childDone) {
            childDone = true;
        }
    }

    /** Whether a child did what was asked of it, as far as they have said. Of two children that ask this of each other, one sees it. */
    public boolean anyChildDone() {
        return childDone;
    }

    /** A child was refused in a way that says nothing about its member; the parent ends with it. Any child's thread. */
    public void refused(IoStatus how) {
        refusal = how;
    }

    /** How the parent ends if no member failed: what a child was refused with, else OK. */
    public IoStatus childrenStatus() {
        IoStatus how = refusal;
        return how == null ? IoStatus.OK : how;
    }

    /** A child reports; answers true to the last one. */
    public boolean childSettled() {
        return OPEN_CHILDREN.decrementAndGet(this) == 0;
    }
}
