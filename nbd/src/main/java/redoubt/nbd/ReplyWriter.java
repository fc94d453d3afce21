package redoubt.nbd;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;
import redoubt.block.IoBuffer;
import redoubt.block.IoMemory;
import redoubt.block.IoRequest;

/**
 * Puts replies on the wire, as many as there are in one call. One per data thread; nothing of a session stays in it between calls.
 *
 * <p>A <i>unit</i> is a message or, of a long READ without structured replies, a part of one. Units are made from the commands each time
 * they are tried: what the socket did not take is made again later, perhaps by another thread, and only the number of bytes that it did
 * take is remembered ({@link Command#unitSent}). So a client that does not read costs no memory but that of its own commands.
 *
 * <p>Headers and small payloads are copied together; a large payload goes out from where the device put it, as the last of a call.
 */
final class ReplyWriter {

    private static final int OUT_BYTES = 256 << 10;
    private static final int UNITS = 1024;

    /** What is sent at a time when memory is short: little enough for the smallest piece that the kernel has. */
    private static final int SCARCE_BYTES = 256;

    /** A header with the longest sentence, or 256 descriptors. */
    private static final int SMALL_UNIT_BYTES = 4 << 10;

    private final ByteBuffer out = ByteBuffer.allocateDirect(OUT_BYTES).order(ByteOrder.BIG_ENDIAN);
    private final IoMemory memory;
    private final ByteBuffer memoryView;
    private final ByteBuffer[] gather = {out, out};
    private final @Nullable Command[] commands = new Command[UNITS];
    private final int[] unitBytes = new int[UNITS];
    private int units;
    private @Nullable IoBuffer payload;
    private int payloadAt;
    private int payloadBytes;
    private int copiedBytes;
    private long bytesSent;
    private long shortages;

    /** For replies when memory is short. */
    final SendReserve reserve;

    ReplyWriter(IoMemory memory, SendReserve reserve) {
        this.memory = memory;
        this.reserve = reserve;
        this.memoryView = memory.newView();
    }

    /** The memory that a buffer is a piece of: the server's own, or that of an array which had to go on elsewhere. */
    private ByteBuffer viewOf(IoBuffer buffer) {
        return buffer.memory() == memory ? memoryView : buffer.memory().newView();
    }

    /** How often the system had no memory for a reply. */
    long shortages() {
        return shortages;
    }

    /** Bytes sent since the last call of this. */
    long takeBytesSent() {
        long sent = bytesSent;
        bytesSent = 0;
        return sent;
    }

    /**
     * Sends what can be sent.
     *
     * @return whether a command was finished, and with it something returned
     */
    boolean flush(Session session) throws IOException {
        boolean finished = false;
        session.execution.takeMail();
        while (encode(session)) {
            copiedBytes = out.position();
            long written = write(session);
            bytesSent += written;
            finished |= account(session, written);
            if (session.blocked) {
                break;
            }
            session.execution.takeMail();
        }
        return finished;
    }

    /** Makes the units of one call; answers whether there are any. */
    private boolean encode(Session session) {
        out.clear();
        units = 0;
        payload = null;
        payloadBytes = 0;
        Command command = session.replies.first;
        while (command != null && units < UNITS && out.remaining() >= SMALL_UNIT_BYTES) {
            int start = out.position();
            // A message that has begun is finished first, whatever became of the command since.
            Refusal refusal = command.unitSent > 0 && command.unitIsPart ? null : command.refusal;
            command.unitIsPart = refusal == null && command.type == Wire.CMD_READ;
            if (refusal != null) {
                if (command.open > 0) {
                    break;
                }
                if (command.sent > 0 && !session.terms.structured()) {
                    // The header said there would be no error: nothing lawful can follow.
                    session.broken = true;
                    break;
                }
                refusal(session, command, refusal);
            } else if (command.type == Wire.CMD_READ) {
                if (!command.headReady() || !read(session, command)) {
                    out.position(start);
                    break;
                }
            } else if (command.type == Wire.CMD_BLOCK_STATUS) {
                blockStatus(session, command);
            } else {
                simpleHeader(command.cookie, 0);
            }
            commands[units] = command;
            unitBytes[units] = out.position() - start + payloadBytes;
            units++;
            if (payload != null || (!session.terms.structured() && !command.lastUnit())) {
                break;
            }
            command = command.next;
        }
        return units > 0;
    }

    private void simpleHeader(long cookie, int error) {
        out.putInt(Wire.SIMPLE_REPLY_MAGIC).putInt(error).putLong(cookie);
    }

    private void chunkHeader(Command command, int flags, int type, int length) {
        out.putInt(Wire.CHUNK_MAGIC)
                .putShort((short) flags)
                .putShort((short) type)
                .putLong(command.cookie)
                .putInt(length);
    }

    private void refusal(Session session, Command command, Refusal refusal) {
        if (session.terms.structured()) {
            byte[] sentence = refusal.sentence;
            chunkHeader(command, Wire.CHUNK_FLAG_DONE, Wire.CHUNK_ERROR, 6 + sentence.length);
            out.putInt(refusal.number).putShort((short) sentence.length).put(sentence);
        } else {
            simpleHeader(command.cookie, refusal.number);
        }
    }

    /** The oldest part of a READ; answers false if it does not fit behind the others. */
    private boolean read(Session session, Command command) {
        int place = command.head;
        int length = command.lengths[place];
        boolean last = command.sent + length == command.length;
        if (session.terms.structured()) {
            int flags = last ? Wire.CHUNK_FLAG_DONE : 0;
            long offset = command.offset + command.sent;
            if (command.zeroes[place]) {
                chunkHeader(command, flags, Wire.CHUNK_OFFSET_HOLE, 12);
                out.putLong(offset).putInt(length);
                return true;
            }
            chunkHeader(command, flags, Wire.CHUNK_OFFSET_DATA, 8 + length);
            out.putLong(offset);
        } else if (command.sent == 0) {
            simpleHeader(command.cookie, 0);
        }
        IoBuffer buffer = command.headBuffer();
        int at = buffer.position() + command.starts[place];
        if (length > Stock.SMALL_BYTES) {
            payload = buffer;
            payloadAt = at;
            payloadBytes = length;
            return true;
        }
        if (out.remaining() < length) {
            return false;
        }
        out.put(out.position(), viewOf(buffer).clear(), at, length);
        out.position(out.position() + length);
        return true;
    }

    private void blockStatus(Session session, Command command) {
        boolean one = (command.flags & Wire.CMD_FLAG_REQ_ONE) != 0;
        int pairs = command.descriptors;
        int lengthAt = out.position() + 16;
        chunkHeader(command, Wire.CHUNK_FLAG_DONE, Wire.CHUNK_BLOCK_STATUS, 0);
        out.putInt(session.terms.allocationContext());
        IoBuffer buffer = command.headBuffer();
        int at = buffer.position() + command.starts[0];
        ByteBuffer view = viewOf(buffer).order(ByteOrder.nativeOrder()).clear();
        long left = command.length;
        int described = 0;
        for (int i = 0; i < pairs && left > 0 && !(one && described == 1); i++) {
            long length = Math.min(left, view.getLong(at + 16 * i));
            int flags = (int) view.getLong(at + 16 * i + 8);
            if (length > 0) {
                out.putInt((int) length).putInt(state(flags));
                left -= length;
                described++;
            }
        }
        if (described == 0) {
            // The device does not say: data.
            out.putInt((int) command.length).putInt(0);
            described = 1;
        }
        out.putInt(lengthAt, 4 + 8 * described);
    }

    private static int state(int flags) {
        int state = 0;
        if ((flags & IoRequest.ALLOCATION_HOLE) != 0) {
            state |= Wire.STATE_HOLE;
        }
        if ((flags & IoRequest.ALLOCATION_ZERO) != 0) {
            state |= Wire.STATE_ZERO;
        }
        return state;
    }

    /**
     * Writes the units, without what was sent of the first one before. Where the system has no memory for them, a part is sent out of the
     * reserve, or nothing, and the session is tried again soon.
     */
    private long write(Session session) throws IOException {
        session.sendRefused = false;
        try {
            return writeUnits(session, Integer.MAX_VALUE);
        } catch (IOException refused) {
            if (!SendReserve.isShortage(refused)) {
                throw refused;
            }
        }
        shortages++;
        session.sendRefused = true;
        while (reserve.release()) {
            try {
                return writeUnits(session, SCARCE_BYTES);
            } catch (IOException refused) {
                if (!SendReserve.isShortage(refused)) {
                    throw refused;
                }
            }
        }
        return 0;
    }

    private long writeUnits(Session session, int most) throws IOException {
        Command first = commands[0];
        int skip = first == null ? 0 : first.unitSent;
        int copied = copiedBytes;
        out.limit(copied).position(Math.min(skip, copied));
        if (out.remaining() > most) {
            out.limit(out.position() + most);
        }
        IoBuffer from = payload;
        if (from == null || (most < Integer.MAX_VALUE && out.hasRemaining())) {
            return session.channel.write(out);
        }
        int begin = payloadAt + Math.max(0, skip - copied);
        ByteBuffer view = viewOf(from);
        view.clear()
                .limit(Math.min(payloadAt + payloadBytes, most < Integer.MAX_VALUE ? begin + most : Integer.MAX_VALUE))
                .position(begin);
        if (!out.hasRemaining()) {
            return session.channel.write(view);
        }
        gather[1] = view;
        return session.channel.write(gather);
    }

    /** Takes from the list what was sent; answers whether a command was finished. */
    private boolean account(Session session, long written) {
        boolean finished = false;
        long left = written;
        session.blocked = false;
        for (int i = 0; i < units; i++) {
            Command command = commands[i];
            commands[i] = null;
            if (command == null || session.blocked) {
                continue;
            }
            int unsent = unitBytes[i] - command.unitSent;
            if (left < unsent) {
                command.unitSent += (int) left;
                session.blocked = true;
                continue;
            }
            left -= unsent;
            command.unitSent = 0;
            session.owingSinceNanos = 0;
            finished |= unitSent(session, command);
        }
        return finished;
    }

    private static boolean unitSent(Session session, Command command) {
        boolean moreParts = command.unitIsPart && !session.execution.partSent(command);
        if (!moreParts) {
            session.replies.removeFirst();
            session.execution.finish(command);
            return true;
        }
        if (session.terms.structured()) {
            // Other replies may go between the parts of this one.
            session.replies.removeFirst();
            if (command.refusal == null ? command.headReady() : command.open == 0) {
                session.replies.add(command);
            }
        }
        return false;
    }
}
