package redoubt.nbd;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import org.jspecify.annotations.Nullable;
import redoubt.base.Bug;
import redoubt.block.IoBuffer;
import redoubt.block.IoRequest;

/**
 * One request of a client, from its header to the last byte of its reply. Pooled.
 *
 * <p>Its bytes move in <i>parts</i>, a buffer each: one part for all but the largest requests, and for those never more than
 * {@link #PARTS} at once, in a ring. A READ fills parts in order and sends them in order; a part that was sent is filled again with
 * what comes next, so that a READ which has begun never waits for memory that others hold. A WRITE receives parts in order and
 * releases each when the device has it.
 *
 * <p>All fields belong to the thread that owns the session, until the session is closed; from then on {@link #open} alone is counted down, by
 * whoever brings a late answer ({@link Mailbox}).
 */
final class Command {

    private static final Bug NOBODY_SENT = Bug.of("a request came back that no command sent");
    private static final Bug NO_BUFFER = Bug.of("a part of a command has no buffer");

    static final int PARTS = 4;

    private static final AtomicIntegerFieldUpdater<Command> OPEN =
            AtomicIntegerFieldUpdater.newUpdater(Command.class, "open");

    final CommandPool pool;
    final int index;

    /** Next in the session's list of what can be sent, or in that of what waits for requests. */
    @Nullable
    Command next;

    /** Next in the list of commands that have more parts than they could start. */
    @Nullable
    Command nextWaiting;

    int type;
    int flags;
    long cookie;
    long offset;
    long length;

    @Nullable
    Refusal refusal;

    /** Requests that the device has. */
    volatile int open;

    /** Bytes given to the device (READ) or taken from the client (WRITE). */
    long begun;

    /** Bytes of a READ that were sent. */
    long sent;

    final @Nullable IoBuffer[] buffers = new IoBuffer[PARTS];
    final int[] lengths = new int[PARTS];

    /** Where in its buffer a part begins: 0, unless the device answered in other memory. */
    final int[] starts = new int[PARTS];

    final int[] openInPart = new int[PARTS];
    final boolean[] zeroes = new boolean[PARTS];

    /** The oldest part. */
    int head;

    /** How many parts follow from {@link #head}. */
    int parts;

    /** Of a WRITE: how much of the youngest part has been received. */
    int received;

    /** Of a WRITE: whether more of its payload is to come. */
    boolean receiving;

    /** Of a READ: the buffer that the next part goes into, kept from one that was sent. */
    @Nullable
    IoBuffer spare;

    /** How many descriptors a BLOCK_STATUS found. */
    int descriptors;

    /** Bytes already sent of the unit that is being sent. */
    int unitSent;

    /** Whether that unit is a part of a READ, and not the whole reply. */
    boolean unitIsPart;

    /** Whether it stands in the session's list of what can be sent. */
    boolean queued;

    /** Whether it stands in the session's list of what waits. */
    boolean waiting;

    Command(CommandPool pool, int index) {
        this.pool = pool;
        this.index = index;
    }

    void begin(int newType, int newFlags, long newCookie, long newOffset, long newLength) {
        type = newType;
        flags = newFlags;
        cookie = newCookie;
        offset = newOffset;
        length = newLength;
        refusal = null;
        open = 0;
        begun = 0;
        sent = 0;
        head = 0;
        parts = 0;
        received = 0;
        receiving = false;
        descriptors = 0;
        // What a session left with the device when it closed was never counted down here.
        Arrays.fill(openInPart, 0);
        Arrays.fill(starts, 0);
        unitSent = 0;
        unitIsPart = false;
        queued = false;
        waiting = false;
        next = null;
        nextWaiting = null;
    }

    /** The command that sent a request. */
    static Command of(IoRequest request) {
        if (request.attachment instanceof Command command) {
            return command;
        }
        throw NOBODY_SENT;
    }

    /** The owner: one more request goes to the device. */
    void openOneMore() {
        OPEN.lazySet(this, open + 1);
    }

    /** The owner: one request has come back. */
    void openOneLess() {
        OPEN.lazySet(this, open - 1);
    }

    /** Any thread, when the session is closed: one request has come back; answers true to the last. */
    boolean closeOne() {
        return OPEN.decrementAndGet(this) == 0;
    }

    /** The session is closed and the device has nothing of this command: gives everything back, without counting. */
    void putAway() {
        for (int i = 0; i < PARTS; i++) {
            IoBuffer buffer = buffers[i];
            if (buffer != null) {
                buffers[i] = null;
                buffer.release();
            }
        }
        IoBuffer kept = spare;
        if (kept != null) {
            spare = null;
            kept.release();
        }
        pool.giveBack(this);
    }

    /** The ring's place of the part so many behind the oldest. */
    int place(int behindHead) {
        return (head + behindHead) % PARTS;
    }

    /** The oldest part's buffer. */
    IoBuffer headBuffer() {
        IoBuffer buffer = buffers[head];
        if (buffer == null) {
            throw NO_BUFFER;
        }
        return buffer;
    }

    /** Whether nothing of the reply follows what is sent next. */
    boolean lastUnit() {
        return !unitIsPart || sent + lengths[head] == length;
    }

    /** Whether a READ's oldest part can be sent. */
    boolean headReady() {
        return parts > 0 && openInPart[head] == 0;
    }
}
