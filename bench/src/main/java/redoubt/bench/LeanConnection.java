package redoubt.bench;

import java.io.EOFException;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;

/**
 * One connection of a client that does as little as a client can: simple replies, requests sent in batches, nothing copied. fio's client
 * costs 7 to 12 microseconds a request, which hides the server behind it; this one costs about one.
 *
 * <p>One thread.
 */
final class LeanConnection implements AutoCloseable {

    private static final long GREETING_MAGIC = 0x4e42444d41474943L;
    private static final long OPTION_MAGIC = 0x49484156454F5054L;
    private static final int HANDSHAKE_FLAGS = 3; // fixed newstyle, no zeroes
    private static final int OPTION_GO = 7;
    private static final int REPLY_ACK = 1;
    private static final int REPLY_INFO = 3;
    private static final int REQUEST_MAGIC = 0x25609513;
    private static final int REPLY_MAGIC = 0x67446698;
    private static final int COMMAND_DISCONNECT = 2;
    private static final int REQUEST_BYTES = 28;
    private static final int REPLY_BYTES = 16;
    private static final int RECEIVE_BYTES = 256 << 10;

    /** What is asked, by its number in the protocol. */
    enum Kind {
        READ(0),
        WRITE(1),
        FLUSH(3),
        TRIM(4),
        WRITE_ZEROES(6);

        private final short number;

        Kind(int number) {
            this.number = (short) number;
        }
    }

    private final SocketChannel channel;
    private final ByteBuffer in = ByteBuffer.allocateDirect(RECEIVE_BYTES).flip();
    private long sizeBytes;

    private LeanConnection(SocketChannel channel) {
        this.channel = channel;
    }

    /** Connects, and asks for the first export. */
    static LeanConnection open(Path socket) throws IOException {
        SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
        LeanConnection connection = new LeanConnection(channel);
        try {
            connection.shakeHands();
            return connection;
        } catch (IOException refused) {
            channel.close();
            throw refused;
        }
    }

    private void shakeHands() throws IOException {
        need(18);
        if (in.getLong() != GREETING_MAGIC || in.getLong() != OPTION_MAGIC) {
            throw new IOException("this is no NBD server of the newstyle");
        }
        in.position(in.position() + 2); // flags
        ByteBuffer go = ByteBuffer.allocate(26)
                .putInt(HANDSHAKE_FLAGS)
                .putLong(OPTION_MAGIC)
                .putInt(OPTION_GO)
                .putInt(6)
                .putInt(0) // the empty name
                .putShort((short) 0);
        send(go.flip());
        while (true) {
            need(20);
            in.position(in.position() + 12); // magic and option
            int type = in.getInt();
            int length = in.getInt();
            need(length);
            int end = in.position() + length;
            if (type == REPLY_ACK) {
                return;
            }
            if (type != REPLY_INFO) {
                throw new IOException("the server refuses GO with reply 0x" + Integer.toHexString(type));
            }
            if (in.getShort() == 0) {
                sizeBytes = in.getLong();
            }
            in.position(end);
        }
    }

    /** Size of the export. */
    long sizeBytes() {
        return sizeBytes;
    }

    private void need(int bytes) throws IOException {
        while (in.remaining() < bytes) {
            in.compact();
            int got = channel.read(in);
            in.flip();
            if (got < 0) {
                throw new EOFException("the server has closed the connection");
            }
        }
    }

    private void send(ByteBuffer out) throws IOException {
        while (out.hasRemaining()) {
            int ignored = channel.write(out);
        }
    }

    /**
     * Keeps {@code depth} requests in flight for so long.
     *
     * @param blockBytes of each request that moves bytes, at an aligned place chosen at random within {@code rangeBytes}
     * @return how many were answered
     */
    long keepBusy(Kind kind, int blockBytes, int depth, long rangeBytes, long seed, long nanos, Latencies latencies)
            throws IOException {
        int stride = REQUEST_BYTES + (kind == Kind.WRITE ? blockBytes : 0);
        ByteBuffer out = ByteBuffer.allocateDirect(stride * depth);
        java.util.SplittableRandom random = new java.util.SplittableRandom(seed);
        // Noise, but not much of it: where this is interpreted it must not take so long that the server thinks us idle.
        byte[] noise = new byte[1024];
        random.nextBytes(noise);
        while (out.hasRemaining()) {
            out.put(noise, 0, Math.min(noise.length, out.remaining()));
        }
        long[] sentNanos = new long[depth];
        int[] free = new int[depth];
        for (int i = 0; i < depth; i++) {
            free[i] = i;
        }
        int freeCount = depth;
        long blocks = rangeBytes / blockBytes;
        long answered = 0;
        int replyBytes = REPLY_BYTES + (kind == Kind.READ ? blockBytes : 0);
        long now = System.nanoTime();
        long untilNanos = now + nanos;
        while (true) {
            if (freeCount > 0 && now - untilNanos < 0) {
                out.clear();
                while (freeCount > 0) {
                    int cookie = free[--freeCount];
                    sentNanos[cookie] = now;
                    int at = out.position();
                    out.putInt(REQUEST_MAGIC)
                            .putShort((short) 0)
                            .putShort(kind.number)
                            .putLong(cookie)
                            .putLong(kind == Kind.FLUSH ? 0 : random.nextLong(blocks) * blockBytes)
                            .putInt(kind == Kind.FLUSH ? 0 : blockBytes)
                            .position(at + stride);
                }
                send(out.flip());
            } else if (freeCount == depth) {
                return answered;
            }
            need(replyBytes);
            now = System.nanoTime();
            while (in.remaining() >= replyBytes) {
                int at = in.position();
                if (in.getInt(at) != REPLY_MAGIC || in.getInt(at + 4) != 0) {
                    throw new IOException("the server answers with error " + in.getInt(at + 4));
                }
                int cookie = (int) in.getLong(at + 8);
                latencies.record(now - sentNanos[cookie]);
                free[freeCount++] = cookie;
                answered++;
                in.position(at + replyBytes);
            }
        }
    }

    @Override
    public void close() throws IOException {
        try {
            send(ByteBuffer.allocate(REQUEST_BYTES)
                    .putInt(REQUEST_MAGIC)
                    .putShort((short) 0)
                    .putShort((short) COMMAND_DISCONNECT)
                    .clear());
        } catch (IOException goneAlready) {
            // Then there is nobody to say good-bye to.
        } finally {
            channel.close();
        }
    }
}
