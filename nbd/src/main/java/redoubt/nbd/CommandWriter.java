package redoubt.nbd;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import redoubt.block.IoBuffer;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;

/**
 * Puts an {@link NbdClient}'s commands on the wire, as many as fit in one call. Small payloads are copied behind their headers, a large one goes
 * out from where it lies, as the last of a call. Belongs to the client's thread.
 */
final class CommandWriter {

    /** The most that one WRITE zeroes, for servers that have no command for it, or refuse it. */
    static final int ZERO_BYTES = 64 << 10;

    private static final int OUT_BYTES = 256 << 10;
    private static final int SMALL_BYTES = 16 << 10;

    private final Flights flights;
    private final ByteBuffer out = ByteBuffer.allocateDirect(OUT_BYTES);
    private final ByteBuffer zeroes = ByteBuffer.allocateDirect(ZERO_BYTES);
    private final ByteBuffer[] gather = {out, out};
    private final MemoryView memory = new MemoryView();

    /** A large payload that follows what is in {@code out}; null if there is none. */
    private @Nullable ByteBuffer payload;

    private @Nullable Flight payloadOf;

    CommandWriter(Flights flights) {
        this.flights = flights;
        out.limit(0);
    }

    /** Whether a command is half way out. */
    boolean unsent() {
        return out.hasRemaining() || payload != null;
    }

    /** The connection was lost. */
    void forget() {
        payload = null;
        payloadOf = null;
        out.clear().limit(0);
    }

    /** Sends what the socket takes; answers whether it took anything. */
    boolean send(RemoteExport connected) throws IOException {
        boolean any = false;
        while (true) {
            if (!unsent()) {
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
            Flight carried = payloadOf;
            if (large != null && !large.hasRemaining() && carried != null) {
                payload = null;
                payloadOf = null;
                flights.payloadHasLeft(carried);
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
        while (payload == null && out.remaining() >= Wire.REQUEST_BYTES + SMALL_BYTES) {
            Flight flight = flights.nextToSend();
            if (flight == null) {
                break;
            }
            IoRequest request = flight.carried();
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
            leave(flight, zeroes.clear().limit(length));
            return;
        }
        IoBuffer buffer = request.buffer();
        int at = buffer.position() + request.bufferOffset() + (int) flight.done;
        ByteBuffer view = memory.of(buffer);
        if (length <= SMALL_BYTES) {
            out.put(out.position(), view, at, length);
            out.position(out.position() + length);
        } else {
            leave(flight, view.limit(at + length).position(at));
        }
    }

    private void leave(Flight flight, ByteBuffer bytes) {
        payload = bytes;
        payloadOf = flight;
        flight.payloadLeaves = true;
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

    /** Tells the server that we leave, if it takes that at once. */
    void sayGoodbye(RemoteExport connected) {
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
