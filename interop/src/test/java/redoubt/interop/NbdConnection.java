package redoubt.interop;

import java.io.EOFException;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * One connection of a plain NBD client with one request at a time, which neither reconnects nor asks twice: whoever hangs up on it, or
 * answers with an error, fails the test. For one thread.
 */
final class NbdConnection implements AutoCloseable {
    private static final long SERVER_MAGIC = 0x4e42444d41474943L; // NBDMAGIC
    private static final long OPTION_MAGIC = 0x49484156454F5054L; // IHAVEOPT
    private static final int REQUEST_MAGIC = 0x25609513;
    private static final int REPLY_MAGIC = 0x67446698;
    private static final int FIXED_NEWSTYLE_AND_NO_ZEROES = 3;
    private static final int EXPORT_NAME = 1;
    private static final short READ = 0;
    private static final short WRITE = 1;
    private static final short DISCONNECT = 2;
    private static final short FLUSH = 3;

    private final SocketChannel channel;
    private final long size;
    private long cookie;

    private NbdConnection(SocketChannel channel, String export) throws IOException {
        this.channel = channel;
        ByteBuffer greeting = receive(8 + 8 + 2);
        if (greeting.getLong() != SERVER_MAGIC || greeting.getLong() != OPTION_MAGIC) {
            throw new IOException("this is no NBD server");
        }
        byte[] name = export.getBytes(StandardCharsets.UTF_8);
        send(ByteBuffer.allocate(4 + 8 + 4 + 4 + name.length)
                .putInt(FIXED_NEWSTYLE_AND_NO_ZEROES)
                .putLong(OPTION_MAGIC)
                .putInt(EXPORT_NAME)
                .putInt(name.length)
                .put(name));
        size = receive(8 + 2).getLong();
    }

    static NbdConnection open(Path socket, String export) throws IOException {
        SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
        try {
            return new NbdConnection(channel, export);
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    /** How large the export is. */
    long size() {
        return size;
    }

    void write(long offset, byte[] bytes) throws IOException {
        ask(WRITE, offset, bytes.length, bytes);
        answered("a write", offset);
    }

    byte[] read(long offset, int length) throws IOException {
        ask(READ, offset, length, new byte[0]);
        answered("a read", offset);
        return receive(length).array();
    }

    void flush() throws IOException {
        ask(FLUSH, 0, 0, new byte[0]);
        answered("a flush", 0);
    }

    private void ask(short what, long offset, int length, byte[] payload) throws IOException {
        send(ByteBuffer.allocate(28 + payload.length)
                .putInt(REQUEST_MAGIC)
                .putShort((short) 0)
                .putShort(what)
                .putLong(++cookie)
                .putLong(offset)
                .putInt(length)
                .put(payload));
    }

    private void answered(String what, long offset) throws IOException {
        ByteBuffer reply = receive(16);
        int magic = reply.getInt();
        int error = reply.getInt();
        if (magic != REPLY_MAGIC || reply.getLong() != cookie) {
            throw new IOException("%s at %d was answered with something else".formatted(what, offset));
        }
        if (error != 0) {
            throw new IOException("%s at %d was answered with error %d".formatted(what, offset, error));
        }
    }

    private void send(ByteBuffer message) throws IOException {
        message.flip();
        while (message.hasRemaining()) {
            channel.write(message);
        }
    }

    private ByteBuffer receive(int length) throws IOException {
        ByteBuffer heard = ByteBuffer.allocate(length);
        while (heard.hasRemaining()) {
            if (channel.read(heard) < 0) {
                throw new EOFException("the server hung up");
            }
        }
        return heard.flip();
    }

    @Override
    public void close() throws IOException {
        try {
            ask(DISCONNECT, 0, 0, new byte[0]);
        } finally {
            channel.close();
        }
    }
}
