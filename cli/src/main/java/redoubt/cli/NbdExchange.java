package redoubt.cli;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * The plainest client there can be: one request at a time, over a Unix socket, straight from the protocol's text. {@code quickstart} judges
 * the server with it, so that client and server cannot share a mistake. No wait for the server is longer than a limit.
 */
final class NbdExchange implements AutoCloseable {

    private static final long GREETING = 0x4e42444d41474943L;
    private static final long OPTION = 0x49484156454F5054L;
    private static final int OPTION_EXPORT_NAME = 1;
    private static final int FIXED_NEWSTYLE_NO_ZEROES = 3;
    private static final int REQUEST = 0x25609513;
    private static final int REPLY = 0x67446698;
    private static final short READ = 0;
    private static final short WRITE = 1;
    private static final short DISCONNECT = 2;
    private static final short FLUSH = 3;
    private static final int PIECE_BYTES = 1 << 20;

    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);

    private final BoundedSocket channel;
    private long sizeBytes;
    private long cookie;

    NbdExchange(Path socket, String export) throws IOException {
        this(socket, export, PATIENCE_NANOS);
    }

    /** @param limitNanos for each wait */
    NbdExchange(Path socket, String export, long limitNanos) throws IOException {
        channel = new BoundedSocket(socket, limitNanos);
        boolean agreed = false;
        try {
            agree(export);
            agreed = true;
        } finally {
            if (!agreed) {
                channel.close();
            }
        }
    }

    private void agree(String export) throws IOException {
        ByteBuffer greeting = receive(18);
        if (greeting.getLong() != GREETING || greeting.getLong() != OPTION) {
            throw new IOException("this is no NBD server");
        }
        byte[] name = export.getBytes(StandardCharsets.UTF_8);
        ByteBuffer wish = ByteBuffer.allocate(20 + name.length);
        wish.putInt(FIXED_NEWSTYLE_NO_ZEROES).putLong(OPTION).putInt(OPTION_EXPORT_NAME);
        send(wish.putInt(name.length).put(name).flip());
        sizeBytes = receive(10).getLong();
    }

    long sizeBytes() {
        return sizeBytes;
    }

    void write(long offset, byte[] content) throws IOException {
        for (int at = 0; at < content.length; at += PIECE_BYTES) {
            int length = Math.min(PIECE_BYTES, content.length - at);
            ask(WRITE, offset + at, length, ByteBuffer.wrap(content, at, length));
            answered();
        }
    }

    byte[] read(long offset, int length) throws IOException {
        ByteBuffer content = ByteBuffer.allocate(length);
        for (int at = 0; at < length; at += PIECE_BYTES) {
            int piece = Math.min(PIECE_BYTES, length - at);
            ask(READ, offset + at, piece, ByteBuffer.allocate(0));
            answered();
            content.put(receive(piece));
        }
        return content.array();
    }

    void flush() throws IOException {
        ask(FLUSH, 0, 0, ByteBuffer.allocate(0));
        answered();
    }

    private void ask(short what, long offset, int length, ByteBuffer payload) throws IOException {
        ByteBuffer header = ByteBuffer.allocate(28);
        header.putInt(REQUEST).putShort((short) 0).putShort(what).putLong(++cookie);
        send(header.putLong(offset).putInt(length).flip());
        send(payload);
    }

    private void answered() throws IOException {
        ByteBuffer reply = receive(16);
        int magic = reply.getInt();
        int error = reply.getInt();
        if (magic != REPLY || error != 0 || reply.getLong() != cookie) {
            throw new IOException("the server refuses: error " + error);
        }
    }

    private void send(ByteBuffer bytes) throws IOException {
        channel.write(bytes);
    }

    private ByteBuffer receive(int count) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(count);
        while (bytes.hasRemaining()) {
            if (channel.read(bytes) < 0) {
                throw new EOFException("the server has hung up");
            }
        }
        return bytes.flip();
    }

    @Override
    public void close() throws IOException {
        try (channel) {
            ask(DISCONNECT, 0, 0, ByteBuffer.allocate(0));
        }
    }
}
