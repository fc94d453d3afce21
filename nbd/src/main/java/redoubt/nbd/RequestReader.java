package redoubt.nbd;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import org.jspecify.annotations.Nullable;
import redoubt.base.Bug;
import redoubt.block.IoBuffer;

/**
 * What one client sent and was not looked at yet, and the message that it is in the middle of. {@link #read} takes what the socket has, {@link #parse}
 * hands each request to the {@link Execution} and brings each payload to where it is needed. When something is short, parsing stops where it
 * stands, and so in the end does reading: the client is held back and nothing is allocated. Belongs to the session's owner.
 *
 * <p>The bytes lie in a <i>seat</i>, a receive buffer that the session has while it is busy.
 */
final class RequestReader {

    private static final Bug NO_SEAT = Bug.of("a session reads that has no seat");

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

    private final NbdServer server;
    private final SocketChannel channel;
    private final Terms terms;
    private final CommandPool commands;
    private final int commandsLimit;
    private final Execution execution;

    /** What was received lies in the seat between these; absent while the session is idle. */
    private @Nullable ByteBuffer seat;

    private int from;
    private int to;
    private int seatLimit;

    /** What the client sent behind its last option, until there is a seat for it. */
    private @Nullable ByteBuffer early;

    /** The WRITE whose payload is being received. */
    private @Nullable Command receiving;

    /** How much of a payload that nobody wants is still to come. */
    private long drainBytes;

    private boolean ending;

    RequestReader(
            NbdServer server,
            SocketChannel channel,
            Terms terms,
            CommandPool commands,
            int commandsLimit,
            Execution execution,
            ByteBuffer early) {
        this.server = server;
        this.channel = channel;
        this.terms = terms;
        this.commands = commands;
        this.commandsLimit = commandsLimit;
        this.execution = execution;
        this.early = early.hasRemaining() ? early : null;
    }

    // ---- The seat. ----

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
    }

    @Nullable
    ByteBuffer standUp() {
        ByteBuffer place = seat;
        seat = null;
        return place;
    }

    private ByteBuffer takenSeat() {
        ByteBuffer taken = seat;
        if (taken == null) {
            throw NO_SEAT;
        }
        return taken;
    }

    /** Whether requests came together with the last option. */
    boolean hasEarlyRequests() {
        return early != null;
    }

    /** Whether nothing lies in the seat and nothing is to be thrown away. */
    boolean isEmpty() {
        return from == to && drainBytes == 0;
    }

    /** Whether the client is in the middle of a message. */
    boolean inMidMessage() {
        return receiving != null || drainBytes > 0 || from != to;
    }

    /** The client has gone. */
    void ended() {
        ending = true;
    }

    /** The session is closed: the WRITE that was being received, null if there was none. */
    @Nullable
    Command cut() {
        Command command = receiving;
        receiving = null;
        return command;
    }

    // ---- From the socket. ----

    /** Sees whether the client has sent anything, and keeps it in the seat; answers how much, or -1 if the client has gone. */
    int peek() throws IOException {
        ByteBuffer place = takenSeat();
        place.clear().position(to).limit(seatLimit);
        int got = channel.read(place);
        to += Math.max(0, got);
        return got;
    }

    /**
     * Takes what the socket has, at most a seat full.
     *
     * @param memory a view of all request memory
     * @return how many bytes, -1 when the client has left
     */
    int read(ByteBuffer memory) throws IOException {
        Command command = receiving;
        if (command != null && from == to && command.parts > 0) {
            int place = command.head;
            int missing = command.lengths[place] - command.received;
            IoBuffer buffer = command.buffers[place];
            if (buffer != null && command.openInPart[place] == 0 && missing >= DIRECT_BYTES) {
                int at = buffer.position() + command.received;
                int got = channel.read(memory.limit(at + missing).position(at));
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

    // ---- What it means. ----

    /** Carries what lies in the seat as far as it goes. */
    Stop parse(DataThread hands) {
        while (true) {
            if (receiving != null) {
                Stop stop = payload(hands.memoryView, receiving);
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

    /** One header; answers null when it was dealt with. */
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
        int inWork = execution.commandsInWork();
        if (inWork >= commandsLimit) {
            return Stop.WANTS_OWN_REPLIES;
        }
        if (inWork > 0 && inWork >= commands.free()) {
            return Stop.WANTS_STOCK;
        }
        Command command = commands.take();
        if (command == null) {
            return Stop.WANTS_STOCK;
        }
        command.begin(type, flags, cookie, offset, length);
        Refusal objection = server.stopping() ? Refusal.SHUTTING_DOWN : terms.objection(type, flags, offset, length);
        if (objection != null) {
            execution.refuse(command, objection);
            if (type == Wire.CMD_WRITE) {
                drainBytes = length;
            }
        } else if (!execution.start(command)) {
            command.pool.giveBack(command);
            return Stop.WANTS_STOCK;
        } else if (command.receiving) {
            receiving = command;
        }
        from += Wire.REQUEST_BYTES;
        hands.count(type, length);
        return null;
    }

    /** Takes what has come of a WRITE's payload; answers null when no more is wanted of it. */
    private @Nullable Stop payload(ByteBuffer memory, Command command) {
        while (true) {
            if (command.refusal != null) {
                // The device has refused a part: the rest is thrown away.
                drainBytes = command.length - command.begun - command.received;
                receiving = null;
                execution.giveUpReceiving(command);
                return null;
            }
            if (!execution.openPlace(command)) {
                return Stop.WANTS_STOCK;
            }
            if (command.openInPart[command.head] > 0) {
                // All places of the ring are at the device.
                return Stop.WANTS_OWN_REPLIES;
            }
            int length = command.lengths[command.head];
            int now = Math.min(length - command.received, to - from);
            if (now > 0) {
                IoBuffer buffer = command.headBuffer();
                memory.clear().put(buffer.position() + command.received, takenSeat(), from, now);
                command.received += now;
                from += now;
            }
            if (command.received < length) {
                return Stop.WANTS_BYTES;
            }
            if (!execution.placeFilled(command)) {
                return Stop.WANTS_STOCK;
            }
            if (!command.receiving) {
                receiving = null;
                seatLimit = length > Stock.SMALL_BYTES
                        ? AFTER_LARGE_WRITE_BYTES
                        : takenSeat().capacity();
                return null;
            }
            execution.takeMail();
        }
    }
}
