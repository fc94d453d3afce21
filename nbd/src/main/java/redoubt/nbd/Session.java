package redoubt.nbd;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import org.jspecify.annotations.Nullable;
import redoubt.block.IoBuffer;
import redoubt.block.IoCompletion;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;

/**
 * One client in transmission: what it sent and was not looked at yet, the commands it has in work, the replies it has not taken.
 *
 * <p><b>Who touches it.</b> A session has one owner at a time, the {@link Door} while it is idle and else the {@link DataThread} that leases
 * it; only the owner reads and writes the socket and the fields marked O. Other threads bring back requests: {@link #completed} puts
 * them into {@link #mail} and signals the owner. A request that comes back inside the owner's own call to the device goes into a plain
 * list instead.
 *
 * <p><b>Reading.</b> {@link #read} takes what the socket has, {@link #parse} carries each request as far as it goes. When something
 * is short, parsing stops where it stands, and so in the end does reading: the client is held back and nothing is allocated.
 *
 * <p><b>The end.</b> {@link #close} closes the socket and returns whatever the device does not have. The remains belong to nobody: the mailbox
 * is shut, and each request that still comes back is put away by whoever brings it; the last one gives up the client's place.
 */
final class Session implements IoCompletion {

    /** What {@link #parse} stopped for. */
    enum Stop {
        /** All that came has been looked at. */
        WANTS_BYTES,
        /** Replies of its own must go out first. */
        WANTS_OWN_REPLIES,
        /** Memory, commands or requests are short in the whole server. */
        WANTS_STOCK,
        /** Nothing more is read from this client. */
        ENDS
    }

    /** A part of a payload of at least this size is received where it is needed, not by way of the seat. */
    private static final int DIRECT_BYTES = 8 << 10;

    private static final int AFTER_LARGE_WRITE_BYTES = 4 << 10;

    private static final AtomicIntegerFieldUpdater<Session> IN_INBOX =
            AtomicIntegerFieldUpdater.newUpdater(Session.class, "inInbox");
    private static final AtomicIntegerFieldUpdater<Session> REMAINS =
            AtomicIntegerFieldUpdater.newUpdater(Session.class, "remains");
    private static final AtomicIntegerFieldUpdater<Command> OPEN =
            AtomicIntegerFieldUpdater.newUpdater(Command.class, "open");
    private static final AtomicReferenceFieldUpdater<Session, @Nullable IoRequest> MAIL =
            AtomicReferenceFieldUpdater.newUpdater(Session.class, IoRequest.class, "mail");

    /** Stands in the mailbox of a closed session. */
    private static final IoRequest SHUT = shut();

    final SocketChannel channel;
    final Export export;
    final boolean structured;
    final int allocationContext;
    private final NbdServer server;
    private final Stock stock;
    private final int requestsLimit;
    private final int partBytes;
    private final @Nullable SelectionKey[] keys;

    volatile Loop owner;

    /** The next session in the inbox of a loop; belongs to that inbox. */
    @Nullable
    Session nextInInbox;

    @SuppressWarnings("UnusedVariable") // through its updater
    private volatile int inInbox;

    private volatile @Nullable IoRequest mail;

    @SuppressWarnings("UnusedVariable") // through its updater
    private volatile int remains;

    // All below: O.

    /** What was received lies in the seat between these; absent while the session is idle. */
    @Nullable
    ByteBuffer seat;

    private int from;
    private int to;
    private int seatLimit;

    /** What the client sent behind its last option, until there is a seat for it. */
    private @Nullable ByteBuffer early;

    private @Nullable Command receiving;
    private long drainBytes;
    private boolean ending;
    boolean closed;

    /** Replies that can be sent, in order. */
    @Nullable
    Command outHead;

    private @Nullable Command outTail;
    int ready;
    long readyBytes;
    private @Nullable Command waitingHead;
    private @Nullable IoRequest settledHead;
    private @Nullable IoRequest settledTail;
    private int live;
    private int heldSmall;
    private int heldLarge;

    /** The owner's notes: the socket may have something, takes something again, or has refused to. */
    boolean readable;

    boolean writable;
    boolean blocked;
    boolean starved;

    /** A reply was begun that cannot be finished lawfully: the connection ends here. */
    boolean broken;

    private boolean takesBytes = true;
    private int interest;

    /** Since when the client owes us something: the rest of a message, or room for a reply. 0 if it does not. */
    long owingSinceNanos;

    long leasedNanos;
    long lastWorkNanos;

    Session(
            NbdServer server,
            Stock stock,
            Loop owner,
            SocketChannel channel,
            Handshake agreed,
            int requestsLimit,
            int loops) {
        this.server = server;
        this.stock = stock;
        this.owner = owner;
        this.channel = channel;
        this.export = agreed.chosen();
        this.structured = agreed.structured();
        this.allocationContext = agreed.allocationContext();
        this.requestsLimit = requestsLimit;
        this.partBytes = Math.min(stock.partBytes, export.maxTransferBytes);
        this.keys = new SelectionKey[loops];
        ByteBuffer more = agreed.leftOver();
        this.early = more.hasRemaining() ? more : null;
    }

    private static IoRequest shut() {
        IoRequestPool one = new IoRequestPool(1);
        one.reserve(1);
        return one.take();
    }

    // ---- What other threads do. ----

    /** Any thread: has the owner look at this session. Whatever it is to find was stored before. */
    void signal() {
        if (IN_INBOX.compareAndSet(this, 0, 1)) {
            owner.deliver(this);
        }
    }

    /** The loop has taken it out of its inbox, and looks at it after this. */
    void leftInbox() {
        inInbox = 0;
    }

    @Override
    public void completed(IoRequest request) {
        if (owner.isCurrent() && !closed) {
            request.next = null;
            if (settledTail == null) {
                settledHead = request;
            } else {
                settledTail.next = request;
            }
            settledTail = request;
            return;
        }
        while (true) {
            IoRequest first = mail;
            if (first == SHUT) {
                late(request);
                return;
            }
            request.next = first;
            if (MAIL.compareAndSet(this, first, request)) {
                signal();
                return;
            }
        }
    }

    /** A request of a closed session comes back: nobody waits for it but the memory it holds. */
    private void late(IoRequest request) {
        Command command = commandOf(request);
        request.free();
        if (OPEN.decrementAndGet(command) == 0) {
            releaseBuffers(command);
            command.pool.giveBack(command);
            dropRemains();
        }
    }

    private void dropRemains() {
        if (REMAINS.decrementAndGet(this) == 0) {
            server.leftForGood();
        }
    }

    private static Command commandOf(IoRequest request) {
        if (request.attachment instanceof Command command) {
            return command;
        }
        throw new IllegalStateException("a request came back that no command sent");
    }

    // ---- The owner: keys and seat. ----

    /** The session's key with the given loop; made the first time. */
    SelectionKey keyWith(Loop loop, int index) throws IOException {
        SelectionKey key = keys[index];
        if (key == null) {
            key = channel.register(loop.selector, 0, this);
            keys[index] = key;
            interest = 0;
        }
        return key;
    }

    /** Says what the owner's selector shall wait for. */
    void interest(SelectionKey key, int wanted) {
        if (interest != wanted) {
            interest = wanted;
            key.interestOps(wanted);
        }
    }

    /** What the owner's selector should wait for now. */
    int wantedInterest(Stop stop) {
        int wanted = blocked ? SelectionKey.OP_WRITE : 0;
        return stop == Stop.WANTS_BYTES ? wanted | SelectionKey.OP_READ : wanted;
    }

    void sitDown(ByteBuffer place) {
        seat = place;
        from = 0;
        to = 0;
        seatLimit = place.capacity();
        if (early != null) {
            place.clear().put(early);
            to = place.position();
            early = null;
        }
        readable = true;
    }

    @Nullable
    ByteBuffer standUp() {
        ByteBuffer place = seat;
        seat = null;
        return place;
    }

    boolean hasEarlyRequests() {
        return early != null;
    }

    /** Whether nothing is in work, nothing waits to go out and nothing lies in the seat. */
    boolean idle() {
        return live == 0 && from == to && drainBytes == 0 && outHead == null;
    }

    /** Whether what the socket has can be looked at. */
    boolean takesBytes() {
        return takesBytes;
    }

    void takesBytes(boolean now) {
        takesBytes = now;
    }

    boolean hasMail() {
        return mail != null;
    }

    boolean hasWork() {
        return readable || writable || mail != null;
    }

    int commandsInWork() {
        return live;
    }

    private ByteBuffer takenSeat() {
        ByteBuffer taken = seat;
        if (taken == null) {
            throw new IllegalStateException("a session reads that has no seat");
        }
        return taken;
    }

    // ---- The owner: reading. ----

    /**
     * Takes what the socket has, at most a seat full.
     *
     * @return how many bytes, -1 when the client has left
     */
    int read(DataThread hands) throws IOException {
        Command command = receiving;
        if (command != null && from == to && command.parts > 0) {
            int place = fillPlace(command);
            int missing = command.lengths[place] - command.received;
            IoBuffer buffer = command.buffers[place];
            if (buffer != null && command.openInPart[place] == 0 && missing >= DIRECT_BYTES) {
                int at = buffer.position() + command.received;
                ByteBuffer view = hands.memoryView;
                int got = channel.read(view.limit(at + missing).position(at));
                if (got > 0) {
                    command.received += got;
                }
                return got;
            }
        }
        ByteBuffer in = takenSeat();
        if (from == to) {
            from = 0;
            to = 0;
        } else if (in.capacity() - to < Wire.REQUEST_BYTES) {
            in.limit(to).position(from);
            in.compact();
            to -= from;
            from = 0;
        }
        int limit = Math.min(in.capacity(), Math.max(seatLimit, to + Wire.REQUEST_BYTES));
        if (limit == to) {
            return 0;
        }
        int got = channel.read(in.limit(limit).position(to));
        if (got > 0) {
            to += got;
        }
        return got;
    }

    /** Carries what lies in the seat as far as it goes. */
    Stop parse(DataThread hands) {
        while (true) {
            if (receiving != null) {
                Stop stop = receive(hands, receiving);
                if (stop != null) {
                    return stop;
                }
            }
            if (drainBytes > 0) {
                int now = (int) Math.min(drainBytes, to - from);
                from += now;
                drainBytes -= now;
                if (drainBytes > 0) {
                    return Stop.WANTS_BYTES;
                }
            }
            if (ending) {
                from = to;
                return Stop.ENDS;
            }
            if (to - from < Wire.REQUEST_BYTES) {
                return Stop.WANTS_BYTES;
            }
            Stop stop = request(hands);
            if (stop != null) {
                return stop;
            }
        }
    }

    /** The client has gone. */
    void ended() {
        ending = true;
    }

    /** Whether the client is in the middle of a message. */
    boolean inMidMessage() {
        return receiving != null || drainBytes > 0 || from != to;
    }

    /** One header. */
    private @Nullable Stop request(DataThread hands) {
        ByteBuffer in = takenSeat();
        if (in.getInt(from) != Wire.REQUEST_MAGIC) {
            ending = true;
            return null;
        }
        int flags = in.getShort(from + 4) & 0xFFFF;
        int type = in.getShort(from + 6) & 0xFFFF;
        long cookie = in.getLong(from + 8);
        long offset = in.getLong(from + 16);
        long length = in.getInt(from + 24) & 0xFFFFFFFFL;
        if (type == Wire.CMD_DISC || (type == Wire.CMD_WRITE && length > Wire.MAX_PAYLOAD_BYTES)) {
            ending = true;
            return null;
        }
        if (live >= requestsLimit) {
            return Stop.WANTS_OWN_REPLIES;
        }
        if (live > 0 && live >= stock.commands.free()) {
            return Stop.WANTS_STOCK;
        }
        Command command = stock.commands.take();
        if (command == null) {
            return Stop.WANTS_STOCK;
        }
        command.begin(this, type, flags, cookie, offset, length);
        Refusal refusal = check(type, flags, offset, length);
        if (refusal != null) {
            command.refusal = refusal;
            queue(command);
            if (type == Wire.CMD_WRITE) {
                drainBytes = length;
            }
        } else if (!start(command)) {
            releaseHeld(command);
            command.pool.giveBack(command);
            return Stop.WANTS_STOCK;
        }
        live++;
        from += Wire.REQUEST_BYTES;
        hands.count(type, length);
        return null;
    }

    /** All that can be said of a request from its header. */
    private @Nullable Refusal check(int type, int flags, long offset, long length) {
        if (server.stopping() || export.withdrawn) {
            return Refusal.SHUTTING_DOWN;
        }
        int lawful = switch (type) {
            case Wire.CMD_READ -> structured ? Wire.CMD_FLAG_FUA | Wire.CMD_FLAG_DF : Wire.CMD_FLAG_FUA;
            case Wire.CMD_WRITE, Wire.CMD_FLUSH, Wire.CMD_TRIM, Wire.CMD_CACHE -> Wire.CMD_FLAG_FUA;
            case Wire.CMD_WRITE_ZEROES -> Wire.CMD_FLAG_FUA | Wire.CMD_FLAG_NO_HOLE | Wire.CMD_FLAG_FAST_ZERO;
            case Wire.CMD_BLOCK_STATUS -> Wire.CMD_FLAG_FUA | Wire.CMD_FLAG_REQ_ONE;
            default -> -1;
        };
        if (lawful < 0) {
            return Refusal.UNKNOWN_COMMAND;
        }
        if ((flags & ~lawful) != 0) {
            return Refusal.WRONG_FLAGS;
        }
        if (type == Wire.CMD_FLUSH) {
            return (offset | length) == 0 ? null : Refusal.NOT_AT_ZERO;
        }
        boolean writes = type == Wire.CMD_WRITE || type == Wire.CMD_WRITE_ZEROES;
        if (export.readOnly && (writes || type == Wire.CMD_TRIM)) {
            return Refusal.READ_ONLY;
        }
        if (type == Wire.CMD_BLOCK_STATUS && allocationContext == 0) {
            return Refusal.NO_CONTEXT;
        }
        if (length == 0) {
            return Refusal.EMPTY;
        }
        if (offset < 0 || offset > export.sizeBytes - length) {
            return writes ? Refusal.NO_ROOM_THERE : Refusal.BEYOND_THE_END;
        }
        if (((offset | length) & (export.blockBytes - 1L)) != 0) {
            return Refusal.UNALIGNED;
        }
        if (type == Wire.CMD_READ) {
            if (length > Wire.MAX_PAYLOAD_BYTES) {
                return structured ? Refusal.TOO_LONG_FOR_A_REPLY : Refusal.TOO_LONG;
            }
            if ((flags & Wire.CMD_FLAG_DF) != 0 && length > partBytes) {
                return Refusal.TOO_LONG_FOR_A_REPLY;
            }
        }
        return null;
    }

    /** Starts a lawful command, or answers false and has changed nothing that lasts. */
    private boolean start(Command command) {
        return switch (command.type) {
            case Wire.CMD_READ -> {
                startParts(command);
                yield command.parts > 0;
            }
            case Wire.CMD_WRITE -> {
                receiving = command;
                yield true;
            }
            case Wire.CMD_CACHE -> {
                // Nothing that is served here is far away.
                queue(command);
                yield true;
            }
            case Wire.CMD_FLUSH -> submit(command, IoOperation.FLUSH, 0);
            case Wire.CMD_TRIM -> submit(command, IoOperation.TRIM, command.length);
            case Wire.CMD_WRITE_ZEROES -> submit(command, IoOperation.WRITE_ZEROES, command.length);
            case Wire.CMD_BLOCK_STATUS -> {
                IoBuffer buffer = takeBuffer(IoMemory.ALIGNMENT_BYTES);
                if (buffer == null) {
                    yield false;
                }
                command.buffers[0] = buffer;
                yield submit(command, IoOperation.ALLOCATION, Math.min(command.length, export.maxTransferBytes));
            }
            default -> throw new IllegalStateException("command " + command.type + " was let in");
        };
    }

    /** Submits a command that is one request to the device. */
    private boolean submit(Command command, IoOperation operation, long length) {
        if (!stock.requests.reserve(1)) {
            return false;
        }
        command.open = 1;
        command.openInPart[0] = 1;
        send(command, 0, operation, command.offset, length, command.buffers[0]);
        return true;
    }

    /** Fills as many parts of a READ as there may be at once. */
    void startParts(Command command) {
        while (command.begun < command.length && command.parts < Command.PARTS && command.refusal == null) {
            int length = (int) Math.min(partBytes, command.length - command.begun);
            IoBuffer buffer = command.spare;
            command.spare = null;
            if (buffer != null && buffer.shared()) {
                // A call that hangs may still write into it.
                giveBack(buffer);
                buffer = null;
            }
            if (buffer == null) {
                buffer = takeBuffer(length);
            }
            if (buffer == null) {
                return;
            }
            int place = command.place(command.parts);
            command.buffers[place] = buffer;
            command.lengths[place] = length;
            command.zeroes[place] = false;
            if (!sendPart(command, place, IoOperation.READ, command.offset + command.begun)) {
                command.buffers[place] = null;
                command.spare = buffer;
                return;
            }
            command.parts++;
            command.begun += length;
        }
    }

    /** Sends one part, which is one request; answers false, and changes nothing, when there is none to be had. */
    private boolean sendPart(Command command, int place, IoOperation operation, long offset) {
        if (!stock.requests.reserve(1)) {
            return false;
        }
        OPEN.lazySet(command, command.open + 1);
        command.openInPart[place] = 1;
        send(command, place, operation, offset, command.lengths[place], command.buffers[place]);
        return true;
    }

    private void send(
            Command command, int place, IoOperation operation, long offset, long length, @Nullable IoBuffer buffer) {
        int flags = 0;
        if (operation.changesData()) {
            flags |= (command.flags & Wire.CMD_FLAG_FUA) != 0 ? IoRequest.FUA : 0;
            flags |= (command.flags & Wire.CMD_FLAG_NO_HOLE) != 0 ? IoRequest.NO_HOLE : 0;
            flags |= (command.flags & Wire.CMD_FLAG_FAST_ZERO) != 0 ? IoRequest.FAST_ZERO : 0;
        }
        IoRequest request = stock.requests.take().prepare(operation, offset, length, flags, buffer, 0, this);
        request.attachment = command;
        request.slot = place;
        export.device.submit(request);
    }

    // ---- The owner: receiving a payload. ----

    private static int fillPlace(Command command) {
        return command.head;
    }

    /** Takes what has come of a WRITE's payload; answers null when it is complete. */
    private @Nullable Stop receive(DataThread hands, Command command) {
        while (true) {
            if (command.refusal != null) {
                giveUpReceiving(command);
                return null;
            }
            if (command.received == 0 && command.buffers[command.head] == null) {
                int length = (int) Math.min(partBytes, command.length - command.begun);
                IoBuffer buffer = takeBuffer(length);
                if (buffer == null) {
                    return Stop.WANTS_STOCK;
                }
                command.buffers[command.head] = buffer;
                command.lengths[command.head] = length;
                command.parts++;
            } else if (command.openInPart[command.head] > 0) {
                // All places of the ring are at the device.
                return Stop.WANTS_OWN_REPLIES;
            }
            int place = command.head;
            int length = command.lengths[place];
            int now = Math.min(length - command.received, to - from);
            if (now > 0) {
                IoBuffer buffer = command.headBuffer();
                hands.memoryView.clear().put(buffer.position() + command.received, takenSeat(), from, now);
                command.received += now;
                from += now;
            }
            if (command.received < length) {
                return Stop.WANTS_BYTES;
            }
            if (!sendPart(command, place, IoOperation.WRITE, command.offset + command.begun)) {
                return Stop.WANTS_STOCK;
            }
            command.begun += length;
            command.received = 0;
            command.head = command.place(1);
            boolean complete = command.begun == command.length;
            if (complete) {
                receiving = null;
                seatLimit = length > Stock.SMALL_BYTES
                        ? AFTER_LARGE_WRITE_BYTES
                        : takenSeat().capacity();
            }
            if (complete) {
                return null;
            }
            takeMail();
        }
    }

    /** The device has refused a part: the rest of the payload is thrown away. */
    private void giveUpReceiving(Command command) {
        drainBytes = command.length - command.begun - command.received;
        receiving = null;
        if (command.open == 0) {
            queue(command);
        }
    }

    // ---- The owner: what came back. ----

    /** Looks at every request that came back; answers whether there was one. */
    boolean takeMail() {
        boolean any = false;
        if (mail != null) {
            IoRequest request = MAIL.getAndSet(this, null);
            while (request != null) {
                IoRequest next = request.next;
                request.next = null;
                settled(request);
                request = next;
                any = true;
            }
        }
        while (settledHead != null) {
            IoRequest request = settledHead;
            settledHead = request.next;
            if (settledHead == null) {
                settledTail = null;
            }
            request.next = null;
            settled(request);
            any = true;
        }
        return any;
    }

    private void settled(IoRequest request) {
        Command command = commandOf(request);
        int place = request.slot;
        if (!request.status().ok() && command.refusal == null) {
            command.refusal = refusal(command, request);
        }
        if (command.type == Wire.CMD_BLOCK_STATUS) {
            command.descriptors = request.result;
        }
        adoptBuffer(command, place, request);
        request.free();
        OPEN.lazySet(command, command.open - 1);
        command.openInPart[place]--;
        switch (command.type) {
            case Wire.CMD_READ -> {
                if (command.refusal != null) {
                    if (command.open == 0) {
                        queue(command);
                    }
                } else if (command.openInPart[place] == 0) {
                    if (structured) {
                        command.zeroes[place] = Zeroes.only(command, place);
                    }
                    if (place == command.head) {
                        queue(command);
                    }
                }
            }
            case Wire.CMD_WRITE -> {
                if (command.openInPart[place] == 0) {
                    giveBack(command.buffers[place]);
                    command.buffers[place] = null;
                    command.parts--;
                }
                if (command.open == 0 && receiving != command) {
                    queue(command);
                }
            }
            default -> queue(command);
        }
    }

    /**
     * An array that lost a member in the middle of a read goes on in other memory, for the hung call may still write into the first:
     * the data is where the request says now.
     */
    private void adoptBuffer(Command command, int place, IoRequest request) {
        IoBuffer had = command.buffers[place];
        if (had == null) {
            return;
        }
        command.starts[place] = request.bufferOffset();
        IoBuffer has = request.buffer();
        if (has != had) {
            has.retain();
            count(has, 1);
            command.buffers[place] = has;
            giveBack(had);
        }
    }

    private static @Nullable Refusal refusal(Command command, IoRequest request) {
        Refusal refusal = Refusal.of(request.status());
        if (refusal == Refusal.NOT_FAST && command.type == Wire.CMD_BLOCK_STATUS) {
            // A device that does not know what it holds: data, as far as anybody can tell.
            return null;
        }
        if (refusal == Refusal.NOT_FAST && (command.flags & Wire.CMD_FLAG_FAST_ZERO) == 0) {
            return Refusal.IO_ERROR;
        }
        return refusal;
    }

    // ---- The owner: the list of what can be sent. ----

    void queue(Command command) {
        if (command.queued) {
            return;
        }
        command.queued = true;
        ready++;
        readyBytes += command.type == Wire.CMD_READ ? command.length : 0;
        command.next = null;
        if (outTail == null) {
            outHead = command;
        } else {
            outTail.next = command;
        }
        outTail = command;
    }

    /** Takes the first reply out of the list. */
    void unqueueFirst() {
        Command first = outHead;
        if (first != null) {
            outHead = first.next;
            if (outHead == null) {
                outTail = null;
            }
            first.next = null;
            first.queued = false;
            ready--;
            readyBytes -= first.type == Wire.CMD_READ ? first.length : 0;
        }
    }

    /**
     * The oldest part of a READ was sent: its memory takes the next one.
     *
     * @return whether that was the last part
     */
    boolean partSent(Command command) {
        int place = command.head;
        IoBuffer buffer = command.headBuffer();
        command.buffers[place] = null;
        command.sent += command.lengths[place];
        command.head = command.place(1);
        command.parts--;
        if (command.sent == command.length) {
            giveBack(buffer);
            return true;
        }
        if (command.begun == command.length || command.spare != null) {
            giveBack(buffer);
        } else {
            command.spare = buffer;
        }
        startParts(command);
        if (command.parts == 0 && command.refusal == null && !command.waiting) {
            command.waiting = true;
            command.nextWaiting = waitingHead;
            waitingHead = command;
        }
        return false;
    }

    /** Tries again to start parts that could not be; answers whether some still cannot. */
    boolean startWaiting() {
        Command command = waitingHead;
        waitingHead = null;
        while (command != null) {
            Command next = command.nextWaiting;
            command.nextWaiting = null;
            command.waiting = false;
            startParts(command);
            if (command.parts == 0 && command.refusal == null) {
                command.waiting = true;
                command.nextWaiting = waitingHead;
                waitingHead = command;
            }
            command = next;
        }
        return waitingHead != null;
    }

    /** A command's reply was sent, or is not going to be. */
    void finish(Command command) {
        releaseHeld(command);
        live--;
        command.pool.giveBack(command);
    }

    // ---- Memory. ----

    private @Nullable IoBuffer takeBuffer(int bytes) {
        boolean small = bytes <= Stock.SMALL_BYTES;
        int held = small ? heldSmall : heldLarge;
        if (held > 0 && held >= stock.memory.freeFor(bytes)) {
            return null;
        }
        IoBuffer buffer = stock.memory.take(bytes);
        if (buffer != null) {
            count(buffer, 1);
        }
        return buffer;
    }

    private void giveBack(@Nullable IoBuffer buffer) {
        if (buffer != null) {
            count(buffer, -1);
            buffer.release();
        }
    }

    private void count(IoBuffer buffer, int by) {
        if (buffer.capacity() <= Stock.SMALL_BYTES) {
            heldSmall += by;
        } else {
            heldLarge += by;
        }
    }

    private void releaseHeld(Command command) {
        for (int i = 0; i < Command.PARTS; i++) {
            if (command.buffers[i] != null) {
                giveBack(command.buffers[i]);
                command.buffers[i] = null;
            }
        }
        if (command.spare != null) {
            giveBack(command.spare);
            command.spare = null;
        }
    }

    /** As {@link #releaseHeld} for a session that counts no more. */
    private static void releaseBuffers(Command command) {
        for (int i = 0; i < Command.PARTS; i++) {
            IoBuffer buffer = command.buffers[i];
            if (buffer != null) {
                command.buffers[i] = null;
                buffer.release();
            }
        }
        IoBuffer spare = command.spare;
        if (spare != null) {
            command.spare = null;
            spare.release();
        }
    }

    // ---- The end. ----

    /**
     * The owner: ends the connection. What the device has is left to come back ({@link #late}); everything else is returned now.
     */
    void close() {
        if (closed) {
            return;
        }
        takeMail();
        closed = true;
        server.sessionEnded();
        try {
            channel.close();
        } catch (IOException alreadyGone) {
            server.countFault();
        }
        int returned = 0;
        while (waitingHead != null) {
            Command command = waitingHead;
            waitingHead = command.nextWaiting;
            if (command.open == 0 && !command.queued) {
                returned += putAway(command);
            }
        }
        while (outHead != null) {
            Command command = outHead;
            unqueueFirst();
            if (command.open == 0) {
                returned += putAway(command);
            }
        }
        Command cut = receiving;
        receiving = null;
        if (cut != null && cut.open == 0) {
            returned += putAway(cut);
        }
        REMAINS.set(this, live - returned + 1);
        IoRequest request = MAIL.getAndSet(this, SHUT);
        while (request != null) {
            IoRequest next = request.next;
            request.next = null;
            late(request);
            request = next;
        }
        dropRemains();
    }

    private int putAway(Command command) {
        releaseBuffers(command);
        command.pool.giveBack(command);
        return 1;
    }
}
