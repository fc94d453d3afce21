package redoubt.nbd;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;

/**
 * Takes the answers of an {@link NbdClient}'s server, and their data to where the requests want it. Belongs to the client's thread.
 *
 * <p>The server is not trusted. An answer must name a command that is under way and fit what was asked; one that does not is an
 * {@link IOException}, after which nothing more is taken from this connection.
 */
final class AnswerReader {

    private static final int IN_BYTES = 256 << 10;

    /** Data of at least this size is received where it is wanted, not by way of {@code in}. */
    private static final int DIRECT_BYTES = 16 << 10;

    /** Longest answer that is not data: 2,000 descriptors, or a sentence of the longest kind and more. */
    private static final int MESSAGE_LIMIT_BYTES = 16 << 10;

    private static final ByteBuffer ZEROES = ByteBuffer.allocateDirect(64 << 10).asReadOnlyBuffer();

    private final Flights flights;
    private final int blockBytes;
    private final ByteBuffer in = ByteBuffer.allocateDirect(IN_BYTES);
    private final MemoryView memory = new MemoryView();

    /** The flight that incoming data belongs to, and where its next byte goes; null between answers. */
    private @Nullable Flight filling;

    private int fillAt;
    private int fillBytes;
    private boolean fillIsLast;

    AnswerReader(Flights flights, int blockBytes) {
        this.flights = flights;
        this.blockBytes = blockBytes;
        in.limit(0);
    }

    /** The connection was lost. */
    void forget() {
        filling = null;
        in.clear().limit(0);
    }

    /** Takes all that the socket has; answers whether there was anything. */
    boolean receive(RemoteExport connected) throws IOException {
        boolean any = false;
        while (true) {
            Flight flight = filling;
            int got;
            if (flight != null && !in.hasRemaining() && fillBytes >= DIRECT_BYTES) {
                ByteBuffer view = memory.of(flight.carried().buffer());
                got = connected.channel().read(view.limit(fillAt + fillBytes).position(fillAt));
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

    private void parse(RemoteExport connected) throws IOException {
        while (true) {
            if (filling != null && !fill(connected, filling)) {
                return;
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

    /** Moves data on; answers whether it is all there. */
    private boolean fill(RemoteExport connected, Flight flight) throws IOException {
        int now = Math.min(fillBytes, in.remaining());
        if (now > 0) {
            memory.of(flight.carried().buffer()).put(fillAt, in, in.position(), now);
            in.position(in.position() + now);
            fillAt += now;
            fillBytes -= now;
        }
        if (fillBytes > 0) {
            return false;
        }
        filling = null;
        if (fillIsLast) {
            complete(connected, flight);
        }
        return true;
    }

    private void simple(RemoteExport connected) throws IOException {
        int at = in.position();
        int error = in.getInt(at + 4);
        Flight flight = flights.answeredBy(in.getLong(at + 8));
        in.position(at + Wire.SIMPLE_REPLY_BYTES);
        if (error != 0) {
            refused(flight, error);
            flights.answered(connected, flight);
        } else if (flight.type == Wire.CMD_READ) {
            if (connected.structured()) {
                throw new IOException("the server answers a read as if structured replies were not agreed on");
            }
            expect(flight, 0, flight.step, true);
        } else if (flight.type == Wire.CMD_BLOCK_STATUS) {
            throw new IOException("the server answers a question for block status without an answer");
        } else {
            flights.answered(connected, flight);
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
        Flight flight = flights.answeredBy(in.getLong(at + 8));
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
            expect(flight, offset - flight.carried().offset() - flight.done, length - 8, last);
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
    private void expect(Flight flight, long at, long length, boolean last) throws IOException {
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
        ByteBuffer view = memory.of(request.buffer());
        int place = request.buffer().position() + request.bufferOffset() + (int) (flight.done + at);
        for (int done = 0; done < (int) length; ) {
            int now = Math.min(ZEROES.capacity(), (int) length - done);
            view.put(place + done, ZEROES, 0, now);
            done += now;
        }
    }

    private static void claim(Flight flight, long at, long length) throws IOException {
        if (at < 0 || length <= 0 || at > flight.step - length) {
            throw new IOException("the server sends data that nobody asked for");
        }
        if (!flight.covered.add(at, length)) {
            throw new IOException("the server sends data twice, or in more pieces than there is sense in");
        }
    }

    private void status(RemoteExport connected, Flight flight, int body, int length) throws IOException {
        boolean lawful = length >= 12 && (length - 4) % 8 == 0 && in.getInt(body) == connected.allocationContext();
        if (!lawful || flight.pairs > 0) {
            throw new IOException("the server's block status is none");
        }
        long left = flight.step;
        for (int at = body + 4; at < body + length && left > 0; at += 8) {
            long extent = Math.min(left, in.getInt(at) & 0xFFFFFFFFL) & -blockBytes;
            int state = in.getInt(at + 4);
            if (extent == 0) {
                break;
            }
            int flags = (state & Wire.STATE_HOLE) != 0 ? IoRequest.ALLOCATION_HOLE : 0;
            flags |= (state & Wire.STATE_ZERO) != 0 ? IoRequest.ALLOCATION_ZERO : 0;
            if (!flights.pair(flight, extent, flags)) {
                break;
            }
            left -= extent;
        }
    }

    private void complete(RemoteExport connected, Flight flight) throws IOException {
        if (flight.type == Wire.CMD_READ && flight.status == IoStatus.OK && !flight.covered.isWhole(flight.step)) {
            throw new IOException("the server leaves out a part of what it was asked to read");
        }
        flights.answered(connected, flight);
    }

    private static void refused(Flight flight, int error) throws IOException {
        if (error == Wire.ESHUTDOWN) {
            throw new IOException("the server is shutting down");
        }
        boolean zeroing = flight.type == Wire.CMD_WRITE_ZEROES;
        flight.status = switch (error) {
            case Wire.EPERM -> IoStatus.READ_ONLY;
            case Wire.ENOSPC -> IoStatus.NO_SPACE;
            case Wire.ENOTSUP, Wire.EINVAL -> zeroing ? IoStatus.UNSUPPORTED : IoStatus.IO_ERROR;
            default -> IoStatus.IO_ERROR;
        };
    }
}
