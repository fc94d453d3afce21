package redoubt.nbd;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import redoubt.base.Clock;
import redoubt.block.BlockLimits;
import redoubt.block.IoBuffer;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;

/**
 * The thread of an {@link NbdClient}: sends commands, takes answers, keeps the time, connects again. All fields are its own.
 *
 * <p>The server is not trusted. An answer must name a command that is under way and fit what was asked, or the connection is given up and
 * everything asked again; a server that goes on like that runs into the time limit as one that says nothing.
 */
final class ClientLane {

    private static final int BUFFER_BYTES = 256 << 10;
    private static final int SMALL_BYTES = 16 << 10;
    private static final int SLEEP_MILLIS = 20;
    private static final long RETRY_NANOS = 100_000_000L;
    private static final long STEP_BYTES = 1 << 30;
    private static final int ZERO_BYTES = 64 << 10;
    private static final int MESSAGE_LIMIT_BYTES = 16 << 10;

    private final NbdClient client;
    private final NbdClient.Address address;
    private final Selector selector;
    private final BlockLimits limits;
    private final Clock clock;
    private final long timeLimitNanos;
    private final AtomicLong reconnections = new AtomicLong();
    private final Consumer<SelectionKey> whenReady = ClientLane::noticed;

    private @Nullable RemoteExport remote;
    private @Nullable SelectionKey key;
    private final long sizeBytes;
    private long retryNanos;

    private final Flight[] flights;
    private final int[] freeFlights;
    private int free;

    /** Flights whose command is still to be sent, a ring. */
    private final int[] toSend;

    private int sendHead;
    private int sendCount;

    /** Requests for which there is no flight yet. */
    private @Nullable IoRequest pendingHead;

    private @Nullable IoRequest pendingTail;

    private final ByteBuffer out = ByteBuffer.allocateDirect(BUFFER_BYTES);
    private final ByteBuffer in = ByteBuffer.allocateDirect(BUFFER_BYTES);
    private final ByteBuffer zeroes = ByteBuffer.allocateDirect(ZERO_BYTES);
    private final ByteBuffer[] gather = {out, out};

    /** A large payload that follows what is in {@code out}; null if there is none. */
    private @Nullable ByteBuffer payload;

    /** The flight that incoming data belongs to, and where its next byte goes; null between answers. */
    private @Nullable Flight filling;

    private int fillAt;
    private int fillBytes;
    private boolean fillIsLast;

    private @Nullable IoMemory viewed;
    private @Nullable ByteBuffer view;

    ClientLane(
            NbdClient client,
            NbdClient.Address address,
            RemoteExport remote,
            Selector selector,
            BlockLimits limits,
            NbdClientOptions options,
            Clock clock) {
        this.client = client;
        this.address = address;
        this.remote = remote;
        this.key = remote.channel().keyFor(selector);
        this.sizeBytes = remote.sizeBytes();
        this.selector = selector;
        this.limits = limits;
        this.clock = clock;
        this.timeLimitNanos = options.timeLimitNanos();
        flights = new Flight[options.inFlight()];
        freeFlights = new int[flights.length];
        toSend = new int[flights.length];
        for (int i = 0; i < flights.length; i++) {
            flights[i] = new Flight(i);
            freeFlights[free++] = i;
        }
        in.limit(0);
        out.limit(0);
    }

    private static void noticed(SelectionKey key) {}

    long reconnections() {
        return reconnections.get();
    }

    void run() {
        while (client.state() == NbdClient.OPEN) {
            try {
                turn();
            } catch (IOException | RuntimeException | Error lost) {
                // After a bug too: what is under way is asked again, or runs into its limit.
                disconnect();
            }
        }
        leave();
    }

    private void turn() throws IOException {
        adopt(client.takeInbox());
        expire();
        RemoteExport connected = remote;
        if (connected == null) {
            reconnect();
            return;
        }
        start(connected);
        boolean wrote = send(connected);
        boolean read = receive(connected);
        if (!wrote && !read) {
            rest();
        }
    }

    private void rest() throws IOException {
        SelectionKey present = key;
        if (present != null) {
            boolean unsent = out.hasRemaining() || payload != null;
            present.interestOps(unsent ? SelectionKey.OP_READ | SelectionKey.OP_WRITE : SelectionKey.OP_READ);
        }
        client.sleeps(true);
        if (client.inboxEmpty() && client.state() == NbdClient.OPEN) {
            selector.select(whenReady, SLEEP_MILLIS);
        }
        client.sleeps(false);
    }

    // ---- Requests come and go. ----

    private void adopt(@Nullable IoRequest first) {
        if (first == null) {
            return;
        }
        if (pendingTail == null) {
            pendingHead = first;
        } else {
            pendingTail.next = first;
        }
        IoRequest last = first;
        while (last.next != null) {
            last = last.next;
        }
        pendingTail = last;
    }

    /** Gives waiting requests a flight. */
    private void start(RemoteExport connected) {
        while (free > 0 && pendingHead != null) {
            IoRequest request = pendingHead;
            pendingHead = request.next;
            if (pendingHead == null) {
                pendingTail = null;
            }
            request.next = null;
            Flight flight = flights[freeFlights[--free]];
            flight.begin(request);
            next(connected, flight);
        }
    }

    /** Chooses the next command of a flight, or ends it. */
    private void next(RemoteExport connected, Flight flight) {
        IoRequest request = flight.carried();
        long left = request.length() - flight.done;
        flight.status = IoStatus.OK;
        if (flight.done > 0 && left == 0) {
            boolean owesFlush = request.fua()
                    && request.operation().changesData()
                    && !flight.flushing
                    && !connected.offers(Wire.FLAG_SEND_FUA)
                    && connected.offers(Wire.FLAG_SEND_FLUSH);
            if (owesFlush) {
                flight.flushing = true;
                enqueue(flight, Wire.CMD_FLUSH, 0);
            } else {
                finish(flight, IoStatus.OK);
            }
            return;
        }
        switch (request.operation()) {
            case READ -> enqueue(flight, Wire.CMD_READ, left);
            case WRITE -> enqueue(flight, Wire.CMD_WRITE, left);
            case FLUSH -> {
                if (connected.offers(Wire.FLAG_SEND_FLUSH)) {
                    enqueue(flight, Wire.CMD_FLUSH, 0);
                } else {
                    finish(flight, IoStatus.OK);
                }
            }
            case WRITE_ZEROES -> zero(connected, flight, left);
            case ALLOCATION -> {
                if (connected.allocationContext() != 0) {
                    enqueue(flight, Wire.CMD_BLOCK_STATUS, left);
                } else {
                    pair(flight, left, 0);
                    finish(flight, IoStatus.OK);
                }
            }
            case TRIM -> finish(flight, IoStatus.OK);
        }
    }

    private void zero(RemoteExport connected, Flight flight, long left) {
        boolean fast = (flight.carried().flags() & IoRequest.FAST_ZERO) != 0;
        if (connected.offers(Wire.FLAG_SEND_WRITE_ZEROES)) {
            if (fast && !connected.offers(Wire.FLAG_SEND_FAST_ZERO)) {
                finish(flight, IoStatus.UNSUPPORTED);
            } else {
                enqueue(flight, Wire.CMD_WRITE_ZEROES, Math.min(left, STEP_BYTES));
            }
        } else if (fast) {
            finish(flight, IoStatus.UNSUPPORTED);
        } else {
            enqueue(flight, Wire.CMD_WRITE, Math.min(left, ZERO_BYTES));
        }
    }

    private void enqueue(Flight flight, int type, long step) {
        flight.type = type;
        flight.step = step;
        flight.sent = false;
        toSend[(sendHead + sendCount) % toSend.length] = flight.index;
        sendCount++;
    }

    private void finish(Flight flight, IoStatus status) {
        IoRequest request = flight.carried();
        flight.request = null;
        flight.generation++;
        freeFlights[free++] = flight.index;
        request.complete(status);
    }

    /** The server has answered a command completely. */
    private void answered(RemoteExport connected, Flight flight) {
        if (flight.status != IoStatus.OK) {
            finish(flight, flight.status);
            return;
        }
        if (flight.type == Wire.CMD_BLOCK_STATUS) {
            finish(flight, flight.pairs > 0 ? IoStatus.OK : IoStatus.IO_ERROR);
            return;
        }
        if (flight.flushing || flight.type == Wire.CMD_FLUSH) {
            finish(flight, IoStatus.OK);
            return;
        }
        flight.done += flight.step;
        next(connected, flight);
    }

    // ---- Sending. ----

    private boolean send(RemoteExport connected) throws IOException {
        boolean any = false;
        while (true) {
            if (!out.hasRemaining() && payload == null) {
                encode(connected);
                if (!out.hasRemaining()) {
                    return any;
                }
            }
            ByteBuffer large = payload;
            long written;
            if (large == null) {
                written = connected.channel().write(out);
            } else if (out.hasRemaining()) {
                gather[1] = large;
                written = connected.channel().write(gather);
            } else {
                written = connected.channel().write(large);
            }
            if (large != null && !large.hasRemaining()) {
                payload = null;
            }
            if (written == 0) {
                return any;
            }
            any = true;
        }
    }

    /** Puts as many commands as fit behind one another; a large payload ends it. */
    private void encode(RemoteExport connected) {
        out.clear();
        while (sendCount > 0 && payload == null && out.remaining() >= Wire.REQUEST_BYTES + SMALL_BYTES) {
            Flight flight = flights[toSend[sendHead]];
            sendHead = (sendHead + 1) % toSend.length;
            sendCount--;
            IoRequest request = flight.request;
            if (request == null) {
                continue;
            }
            boolean ranged = flight.type != Wire.CMD_FLUSH;
            out.putInt(Wire.REQUEST_MAGIC)
                    .putShort((short) flags(connected, flight, request))
                    .putShort((short) flight.type)
                    .putLong(flight.newCookie())
                    .putLong(ranged ? request.offset() + flight.done : 0)
                    .putInt(ranged ? (int) flight.step : 0);
            if (flight.type == Wire.CMD_WRITE) {
                payload(flight, request);
            }
        }
        out.flip();
    }

    private void payload(Flight flight, IoRequest request) {
        int length = (int) flight.step;
        if (request.operation() == IoOperation.WRITE_ZEROES) {
            payload = zeroes.clear().limit(length);
            return;
        }
        IoBuffer buffer = request.buffer();
        int at = buffer.position() + request.bufferOffset() + (int) flight.done;
        ByteBuffer memory = viewOf(buffer);
        if (length <= SMALL_BYTES) {
            out.put(out.position(), memory.clear(), at, length);
            out.position(out.position() + length);
        } else {
            payload = memory.clear().limit(at + length).position(at);
        }
    }

    private static int flags(RemoteExport connected, Flight flight, IoRequest request) {
        int flags = 0;
        boolean writes = flight.type == Wire.CMD_WRITE || flight.type == Wire.CMD_WRITE_ZEROES;
        if (writes && request.fua() && connected.offers(Wire.FLAG_SEND_FUA)) {
            flags |= Wire.CMD_FLAG_FUA;
        }
        if (flight.type == Wire.CMD_WRITE_ZEROES) {
            flags |= (request.flags() & IoRequest.NO_HOLE) != 0 ? Wire.CMD_FLAG_NO_HOLE : 0;
            flags |= (request.flags() & IoRequest.FAST_ZERO) != 0 ? Wire.CMD_FLAG_FAST_ZERO : 0;
        }
        return flags;
    }

    /** The memory that payloads are received into; apart from the one they are sent from, since both may be half way. */
    private ByteBuffer viewOf(IoBuffer buffer) {
        ByteBuffer present = view;
        if (present == null || viewed != buffer.memory()) {
            viewed = buffer.memory();
            present = buffer.memory().newView();
            view = present;
        }
        return payload == present ? buffer.memory().newView() : present;
    }

    // ---- Receiving. ----

    private boolean receive(RemoteExport connected) throws IOException {
        boolean any = false;
        while (true) {
            Flight flight = filling;
            int got;
            if (flight != null && !in.hasRemaining() && fillBytes >= SMALL_BYTES) {
                ByteBuffer memory = receiveView(flight.carried().buffer());
                got = connected.channel().read(memory.limit(fillAt + fillBytes).position(fillAt));
                if (got > 0) {
                    fillAt += got;
                    fillBytes -= got;
                }
            } else {
                in.compact();
                got = connected.channel().read(in);
                in.flip();
            }
            if (got < 0) {
                throw new IOException("the server closed the connection");
            }
            if (got == 0) {
                return any;
            }
            any = true;
            parse(connected);
        }
    }

    private @Nullable IoMemory receiving;
    private @Nullable ByteBuffer receivingView;

    private ByteBuffer receiveView(IoBuffer buffer) {
        ByteBuffer present = receivingView;
        if (present == null || receiving != buffer.memory()) {
            receiving = buffer.memory();
            present = buffer.memory().newView();
            receivingView = present;
        }
        return present.clear();
    }

    private void parse(RemoteExport connected) throws IOException {
        while (true) {
            Flight flight = filling;
            if (flight != null) {
                int now = Math.min(fillBytes, in.remaining());
                if (now > 0) {
                    receiveView(flight.carried().buffer()).put(fillAt, in, in.position(), now);
                    in.position(in.position() + now);
                    fillAt += now;
                    fillBytes -= now;
                }
                if (fillBytes > 0) {
                    return;
                }
                filling = null;
                if (fillIsLast) {
                    complete(connected, flight);
                }
                continue;
            }
            if (in.remaining() < Wire.SIMPLE_REPLY_BYTES) {
                return;
            }
            int magic = in.getInt(in.position());
            if (magic == Wire.SIMPLE_REPLY_MAGIC) {
                simple(connected);
            } else if (magic == Wire.CHUNK_MAGIC && connected.structured()) {
                if (!chunk(connected)) {
                    return;
                }
            } else {
                throw new IOException("the server's answer begins with nonsense");
            }
        }
    }

    private Flight flightOf(long cookie) throws IOException {
        int index = (int) cookie;
        if (index < 0 || index >= flights.length) {
            throw new IOException("the server answers what nobody asked");
        }
        Flight flight = flights[index];
        if (flight.request == null || !flight.sent || flight.cookie() != cookie) {
            throw new IOException("the server answers what nobody asked");
        }
        return flight;
    }

    private void simple(RemoteExport connected) throws IOException {
        int at = in.position();
        int error = in.getInt(at + 4);
        Flight flight = flightOf(in.getLong(at + 8));
        in.position(at + Wire.SIMPLE_REPLY_BYTES);
        if (error != 0) {
            refused(flight, error);
            answered(connected, flight);
        } else if (flight.type == Wire.CMD_READ) {
            if (connected.structured()) {
                throw new IOException("the server answers a read as if structured replies were not agreed on");
            }
            fill(flight, 0, flight.step, true);
        } else if (flight.type == Wire.CMD_BLOCK_STATUS) {
            throw new IOException("the server answers a question for block status without an answer");
        } else {
            answered(connected, flight);
        }
    }

    /** One chunk; answers false if it has not come completely enough. */
    private boolean chunk(RemoteExport connected) throws IOException {
        if (in.remaining() < Wire.CHUNK_HEADER_BYTES) {
            return false;
        }
        int at = in.position();
        boolean last = (in.getShort(at + 4) & Wire.CHUNK_FLAG_DONE) != 0;
        int type = in.getShort(at + 6) & 0xFFFF;
        Flight flight = flightOf(in.getLong(at + 8));
        long length = in.getInt(at + 16) & 0xFFFFFFFFL;
        int body = at + Wire.CHUNK_HEADER_BYTES;
        if (type == Wire.CHUNK_OFFSET_DATA) {
            if (flight.type != Wire.CMD_READ || length <= 8) {
                throw new IOException("the server sends data that nobody asked for");
            }
            if (in.remaining() < Wire.CHUNK_HEADER_BYTES + 8) {
                return false;
            }
            long offset = in.getLong(body);
            in.position(body + 8);
            fill(flight, offset - flight.carried().offset() - flight.done, length - 8, last);
            return true;
        }
        if (length > MESSAGE_LIMIT_BYTES) {
            throw new IOException("the server's answer is too long: " + length + " bytes");
        }
        if (in.remaining() < Wire.CHUNK_HEADER_BYTES + length) {
            return false;
        }
        in.position(body + (int) length);
        if (type == Wire.CHUNK_OFFSET_HOLE && flight.type == Wire.CMD_READ && length == 12) {
            hole(flight, in.getLong(body), in.getInt(body + 8) & 0xFFFFFFFFL);
        } else if (type == Wire.CHUNK_BLOCK_STATUS && flight.type == Wire.CMD_BLOCK_STATUS) {
            status(connected, flight, body, (int) length);
        } else if ((type & 0x8000) != 0 && length >= 6) {
            refused(flight, in.getInt(body));
        } else if (type != Wire.CHUNK_NONE || length != 0 || !last) {
            throw new IOException("the server's answer is of a kind that nobody knows");
        }
        if (last) {
            complete(connected, flight);
        }
        return true;
    }

    /** Data follows: {@code length} bytes for the place {@code at} of the command under way. */
    private void fill(Flight flight, long at, long length, boolean last) throws IOException {
        claim(flight, at, length);
        IoRequest request = flight.carried();
        filling = flight;
        fillAt = request.buffer().position() + request.bufferOffset() + (int) (flight.done + at);
        fillBytes = (int) length;
        fillIsLast = last;
    }

    private void hole(Flight flight, long offset, long length) throws IOException {
        IoRequest request = flight.carried();
        long at = offset - request.offset() - flight.done;
        claim(flight, at, length);
        ByteBuffer memory = receiveView(request.buffer());
        int place = request.buffer().position() + request.bufferOffset() + (int) (flight.done + at);
        for (int done = 0; done < (int) length; ) {
            int now = Math.min(ZERO_BYTES, (int) length - done);
            memory.put(place + done, zeroes.clear(), 0, now);
            done += now;
        }
    }

    private static void claim(Flight flight, long at, long length) throws IOException {
        if (at < 0 || length <= 0 || at > flight.step - length || flight.covered + length > flight.step) {
            throw new IOException("the server sends data that nobody asked for");
        }
        flight.covered += length;
    }

    private void status(RemoteExport connected, Flight flight, int body, int length) throws IOException {
        if (length < 12 || (length - 4) % 8 != 0 || in.getInt(body) != connected.allocationContext()) {
            throw new IOException("the server's block status is none");
        }
        long left = flight.step;
        for (int at = body + 4; at < body + length && left > 0; at += 8) {
            long extent = Math.min(left, in.getInt(at) & 0xFFFFFFFFL) & -limits.blockBytes();
            int state = in.getInt(at + 4);
            if (extent == 0) {
                break;
            }
            int flags = (state & Wire.STATE_HOLE) != 0 ? IoRequest.ALLOCATION_HOLE : 0;
            flags |= (state & Wire.STATE_ZERO) != 0 ? IoRequest.ALLOCATION_ZERO : 0;
            if (!pair(flight, extent, flags)) {
                break;
            }
            left -= extent;
        }
    }

    /** Writes one pair of an ALLOCATION's answer; answers false if there is no room for it. */
    private boolean pair(Flight flight, long length, int flags) {
        IoRequest request = flight.carried();
        if (!request.bufferHolds(16L * (flight.pairs + 1))) {
            return false;
        }
        ByteBuffer memory = receiveView(request.buffer()).order(ByteOrder.nativeOrder());
        int at = request.buffer().position() + request.bufferOffset() + 16 * flight.pairs;
        memory.putLong(at, length).putLong(at + 8, flags);
        flight.pairs++;
        request.result = flight.pairs;
        return true;
    }

    private void complete(RemoteExport connected, Flight flight) throws IOException {
        if (flight.type == Wire.CMD_READ && flight.status == IoStatus.OK && flight.covered != flight.step) {
            throw new IOException("the server leaves out a part of what it was asked to read");
        }
        answered(connected, flight);
    }

    private void refused(Flight flight, int error) throws IOException {
        if (error == Wire.ESHUTDOWN) {
            throw new IOException("the server is shutting down");
        }
        boolean fast = (flight.carried().flags() & IoRequest.FAST_ZERO) != 0;
        flight.status = switch (error) {
            case Wire.EPERM -> IoStatus.READ_ONLY;
            case Wire.ENOSPC -> IoStatus.NO_SPACE;
            case Wire.ENOTSUP -> fast ? IoStatus.UNSUPPORTED : IoStatus.IO_ERROR;
            default -> IoStatus.IO_ERROR;
        };
    }

    // ---- Time, and connections. ----

    /** Ends everything if a request is too old. */
    private void expire() {
        long now = clock.nanos();
        IoRequest waiting = pendingHead;
        boolean late = waiting != null && now - waiting.acceptedNanos > timeLimitNanos;
        for (Flight flight : flights) {
            IoRequest request = flight.request;
            late |= request != null && now - request.acceptedNanos > timeLimitNanos;
        }
        if (late) {
            client.abandon();
        }
    }

    private void disconnect() {
        RemoteExport connected = remote;
        remote = null;
        key = null;
        filling = null;
        payload = null;
        out.clear().limit(0);
        in.clear().limit(0);
        retryNanos = clock.nanos();
        if (connected != null) {
            try {
                connected.channel().close();
                selector.selectNow();
            } catch (IOException alreadyGone) {
                retryNanos = clock.nanos();
            }
        }
        // What was not answered is asked again, from the command that was under way.
        sendHead = 0;
        sendCount = 0;
        for (Flight flight : flights) {
            if (flight.request != null) {
                flight.status = IoStatus.OK;
                flight.sent = false;
                toSend[sendCount++] = flight.index;
            }
        }
    }

    private void reconnect() throws IOException {
        long now = clock.nanos();
        if (now - retryNanos < 0) {
            client.sleeps(true);
            if (client.inboxEmpty() && client.state() == NbdClient.OPEN) {
                selector.select(whenReady, SLEEP_MILLIS);
            }
            client.sleeps(false);
            return;
        }
        retryNanos = now + RETRY_NANOS;
        RemoteExport again;
        try {
            again = RemoteExport.open(address, selector, this::whileConnecting);
        } catch (IOException notYet) {
            retryNanos = clock.nanos() + RETRY_NANOS;
            return;
        }
        reconnections.incrementAndGet();
        boolean same = again.sizeBytes() == sizeBytes
                && again.minimumBytes() <= limits.blockBytes()
                && (limits.readOnly() || !again.offers(Wire.FLAG_READ_ONLY));
        remote = again;
        key = again.channel().keyFor(selector);
        if (!same) {
            // Another disk has come up under this name: nothing may be written to it.
            client.abandon();
        }
    }

    private void whileConnecting() throws IOException {
        adopt(client.takeInbox());
        expire();
        if (client.state() != NbdClient.OPEN) {
            throw new IOException("nobody waits for the connection any more");
        }
        if (clock.nanos() - retryNanos > timeLimitNanos) {
            throw new IOException("the server takes too long to agree");
        }
    }

    /** The end: nothing touches the connection or the memory after this. */
    private void leave() {
        IoStatus asked = client.state() == NbdClient.ABANDONED ? IoStatus.TIMED_OUT : IoStatus.GONE;
        sayGoodbye();
        disconnect();
        for (Flight flight : flights) {
            if (flight.request != null) {
                finish(flight, asked);
            }
        }
        while (pendingHead != null) {
            IoRequest request = pendingHead;
            pendingHead = request.next;
            request.next = null;
            request.complete(asked);
        }
        client.settleInbox();
        try {
            selector.close();
        } catch (IOException alreadyClosed) {
            return;
        }
    }

    private void sayGoodbye() {
        RemoteExport connected = remote;
        if (connected == null || out.hasRemaining() || payload != null || free < flights.length) {
            return;
        }
        out.clear();
        out.putInt(Wire.REQUEST_MAGIC).putShort((short) 0).putShort((short) Wire.CMD_DISC);
        out.putLong(0).putLong(0).putInt(0).flip();
        try {
            connected.channel().write(out);
        } catch (IOException alreadyGone) {
            out.clear();
        }
    }
}
