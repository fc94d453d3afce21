package redoubt.nbd;

import java.io.IOException;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** A client that says exactly what a test wants it to say, right or wrong, byte by byte. */
final class RawClient implements AutoCloseable {

    /** An answer to an option. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record OptionReply(int option, int type, byte[] data) {
        String text() {
            return new String(data, StandardCharsets.UTF_8);
        }
    }

    /** An answer to a request: a simple reply, or one chunk. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Reply(boolean chunk, int flags, int type, int error, long cookie, byte[] data) {
        boolean done() {
            return !chunk || (flags & Wire.CHUNK_FLAG_DONE) != 0;
        }
    }

    final SocketChannel channel;
    boolean structured;
    long size;
    int flags;

    RawClient(Path socket) throws IOException {
        this(UnixDomainSocketAddress.of(socket));
    }

    RawClient(SocketAddress address) throws IOException {
        channel = SocketChannel.open(address);
    }

    /** Connected, greeted, with known client flags sent. */
    static RawClient greeted(Path socket) throws IOException {
        RawClient client = new RawClient(socket);
        client.greeting();
        client.clientFlags(Wire.HANDSHAKE_FIXED_NEWSTYLE | Wire.HANDSHAKE_NO_ZEROES);
        return client;
    }

    /** In transmission with simple replies. */
    static RawClient simple(Path socket) throws IOException {
        RawClient client = greeted(socket);
        client.go("");
        return client;
    }

    /** In transmission with structured replies and base:allocation. */
    static RawClient structured(Path socket) throws IOException {
        RawClient client = greeted(socket);
        client.option(Wire.OPT_STRUCTURED_REPLY, new byte[0]);
        client.expectAck();
        client.structured = true;
        client.option(Wire.OPT_SET_META_CONTEXT, contextQuery("", "base:allocation"));
        client.expect(Wire.REP_META_CONTEXT);
        client.expectAck();
        client.go("");
        return client;
    }

    void send(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    void send(byte... bytes) throws IOException {
        send(ByteBuffer.wrap(bytes));
    }

    ByteBuffer receive(int bytes) throws IOException {
        ByteBuffer into = ByteBuffer.allocate(bytes);
        while (into.hasRemaining()) {
            if (channel.read(into) < 0) {
                throw new IOException("the server closed after " + into.position() + " of " + bytes + " bytes");
            }
        }
        return into.flip();
    }

    /** Whether the server closes now without another byte; waits for it. */
    boolean isClosed() throws IOException {
        try {
            return channel.read(ByteBuffer.allocate(1)) < 0;
        } catch (IOException reset) {
            return true;
        }
    }

    /** Reads whatever comes until the server closes; answers how many bytes that was. */
    long drainUntilClosed() {
        ByteBuffer into = ByteBuffer.allocate(1 << 16);
        long bytes = 0;
        try {
            while (true) {
                int got = channel.read(into.clear());
                if (got < 0) {
                    return bytes;
                }
                bytes += got;
            }
        } catch (IOException reset) {
            return bytes;
        }
    }

    void greeting() throws IOException {
        ByteBuffer greeting = receive(18);
        if (greeting.getLong() != Wire.GREETING_MAGIC || greeting.getLong() != Wire.OPTION_MAGIC) {
            throw new IOException("no greeting");
        }
    }

    void clientFlags(int value) throws IOException {
        send(ByteBuffer.allocate(4).putInt(value).flip());
    }

    static byte[] optionBytes(int option, int statedLength, byte[] data) {
        return ByteBuffer.allocate(16 + data.length)
                .putLong(Wire.OPTION_MAGIC)
                .putInt(option)
                .putInt(statedLength)
                .put(data)
                .array();
    }

    void option(int option, byte[] data) throws IOException {
        send(optionBytes(option, data.length, data));
    }

    static byte[] goData(String name, int... wishes) {
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        ByteBuffer data = ByteBuffer.allocate(6 + bytes.length + 2 * wishes.length);
        data.putInt(bytes.length).put(bytes).putShort((short) wishes.length);
        for (int wish : wishes) {
            data.putShort((short) wish);
        }
        return data.array();
    }

    static byte[] contextQuery(String name, String... queries) {
        ByteBuffer data = ByteBuffer.allocate(1 << 16);
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        data.putInt(bytes.length).put(bytes).putInt(queries.length);
        for (String query : queries) {
            byte[] text = query.getBytes(StandardCharsets.UTF_8);
            data.putInt(text.length).put(text);
        }
        byte[] all = new byte[data.position()];
        data.flip().get(all);
        return all;
    }

    OptionReply optionReply() throws IOException {
        ByteBuffer header = receive(20);
        if (header.getLong() != Wire.OPTION_REPLY_MAGIC) {
            throw new IOException("no option reply");
        }
        int option = header.getInt();
        int type = header.getInt();
        return new OptionReply(option, type, receive(header.getInt()).array());
    }

    OptionReply expect(int type) throws IOException {
        OptionReply reply = optionReply();
        if (reply.type != type) {
            throw new IOException("reply type " + Integer.toHexString(reply.type) + ": " + reply.text());
        }
        return reply;
    }

    void expectAck() throws IOException {
        expect(Wire.REP_ACK);
    }

    void go(String name) throws IOException {
        option(Wire.OPT_GO, goData(name, Wire.INFO_BLOCK_SIZE));
        while (true) {
            OptionReply reply = optionReply();
            if (reply.type == Wire.REP_ACK) {
                return;
            }
            if (reply.type != Wire.REP_INFO) {
                throw new IOException("GO was refused: " + reply.text());
            }
            ByteBuffer info = ByteBuffer.wrap(reply.data);
            if (info.getShort() == Wire.INFO_EXPORT) {
                size = info.getLong();
                flags = info.getShort() & 0xFFFF;
            }
        }
    }

    static ByteBuffer header(int type, int flags, long cookie, long offset, int length) {
        return ByteBuffer.allocate(28)
                .putInt(Wire.REQUEST_MAGIC)
                .putShort((short) flags)
                .putShort((short) type)
                .putLong(cookie)
                .putLong(offset)
                .putInt(length)
                .flip();
    }

    void request(int type, int requestFlags, long cookie, long offset, int length) throws IOException {
        send(header(type, requestFlags, cookie, offset, length));
    }

    void write(long cookie, long offset, byte[] data) throws IOException {
        request(Wire.CMD_WRITE, 0, cookie, offset, data.length);
        send(data);
    }

    /** A simple reply to something that is not a successful READ, or any chunk. */
    Reply reply() throws IOException {
        return reply(0);
    }

    /** Any reply; a simple one without an error has so many bytes of data. */
    Reply reply(int dataBytes) throws IOException {
        int magic = receive(4).getInt();
        if (magic == Wire.SIMPLE_REPLY_MAGIC) {
            ByteBuffer rest = receive(12);
            int error = rest.getInt();
            long cookie = rest.getLong();
            return new Reply(
                    false, 0, 0, error, cookie, error == 0 ? receive(dataBytes).array() : new byte[0]);
        }
        if (magic != Wire.CHUNK_MAGIC) {
            throw new IOException("no reply: " + Integer.toHexString(magic));
        }
        ByteBuffer rest = receive(16);
        int chunkFlags = rest.getShort();
        int type = rest.getShort() & 0xFFFF;
        long cookie = rest.getLong();
        byte[] data = receive(rest.getInt()).array();
        int error = (type & 0x8000) != 0 ? ByteBuffer.wrap(data).getInt(0) : 0;
        return new Reply(true, chunkFlags, type, error, cookie, data);
    }

    /** Reads and answers the content, with whichever replies were agreed on. */
    byte[] read(long offset, int length) throws IOException {
        request(Wire.CMD_READ, 0, 77, offset, length);
        if (!structured) {
            Reply reply = reply(length);
            if (reply.error != 0) {
                throw new IOException("error " + reply.error);
            }
            return reply.data;
        }
        byte[] content = new byte[length];
        while (true) {
            Reply reply = reply();
            if (reply.error != 0) {
                throw new IOException("error " + reply.error);
            }
            ByteBuffer data = ByteBuffer.wrap(reply.data);
            if (reply.type == Wire.CHUNK_OFFSET_DATA) {
                int at = (int) (data.getLong() - offset);
                data.get(content, at, data.remaining());
            }
            if (reply.done()) {
                return content;
            }
        }
    }

    /** Asks and answers the error number, 0 for none. */
    int errorOf(int type, int requestFlags, long offset, int length) throws IOException {
        request(type, requestFlags, 5, offset, length);
        while (true) {
            Reply reply = reply(type == Wire.CMD_READ ? length : 0);
            if (reply.done()) {
                return reply.error;
            }
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
