package redoubt.nbd;

import java.io.IOException;
import java.net.ConnectException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;

/**
 * A connection to an export, from the first byte to the end of the handshake. What the server says is not trusted: every length is bounded
 * before it is believed, the number of its answers is bounded, and all of it together must be done by a deadline.
 *
 * <p>Used by one thread. {@code whileWaiting} is called several times a second as long as the server lets us wait.
 *
 * @param channel the connection, non-blocking, in transmission
 * @param sizeBytes size of the export
 * @param flags transmission flags
 * @param minimumBytes smallest block
 * @param preferredBytes block that the server likes best
 * @param maximumBytes longest payload
 * @param structured whether replies are structured
 * @param allocationContext the id of base:allocation, or 0
 */
record RemoteExport(
        SocketChannel channel,
        long sizeBytes,
        int flags,
        int minimumBytes,
        int preferredBytes,
        int maximumBytes,
        boolean structured,
        int allocationContext) {

    private static final int ANSWERS_LIMIT = 100;
    private static final int SLICE_MILLIS = 20;

    /** Keeps time, and does what else must be done while the server lets us wait. */
    interface Patience {
        /** Throws when there is none left. */
        void whileWaiting() throws IOException;
    }

    /** The conversation while it lasts. */
    private static final class Talk {
        final SocketChannel channel;
        final Selector selector;
        final SelectionKey key;
        final Patience patience;
        int answers;

        Talk(SocketChannel channel, Selector selector, Patience patience) throws IOException {
            this.channel = channel;
            this.selector = selector;
            this.key = channel.register(selector, 0);
            this.patience = patience;
        }

        void await(int ops) throws IOException {
            patience.whileWaiting();
            key.interestOps(ops);
            selector.select(SLICE_MILLIS);
            selector.selectedKeys().clear();
        }

        void send(ByteBuffer bytes) throws IOException {
            bytes.flip();
            while (bytes.hasRemaining()) {
                if (channel.write(bytes) == 0) {
                    await(SelectionKey.OP_WRITE);
                }
            }
        }

        ByteBuffer receive(int length) throws IOException {
            ByteBuffer bytes = ByteBuffer.allocate(length);
            while (bytes.hasRemaining()) {
                int got = channel.read(bytes);
                if (got < 0) {
                    throw new IOException("the server closed the connection in the handshake");
                }
                if (got == 0) {
                    await(SelectionKey.OP_READ);
                }
            }
            return bytes.flip();
        }

        void option(int option, ByteBuffer data) throws IOException {
            data.flip();
            send(ByteBuffer.allocate(Wire.OPTION_HEADER_BYTES + data.remaining())
                    .putLong(Wire.OPTION_MAGIC)
                    .putInt(option)
                    .putInt(data.remaining())
                    .put(data));
        }

        /** One answer to an option: its type in {@code type}, its data as result. */
        Answer answer(int option) throws IOException {
            if (++answers > ANSWERS_LIMIT) {
                throw new IOException("the server does not come to an end in the handshake");
            }
            ByteBuffer header = receive(Wire.OPTION_REPLY_HEADER_BYTES);
            long magic = header.getLong();
            int to = header.getInt();
            int type = header.getInt();
            int length = header.getInt();
            if (magic != Wire.OPTION_REPLY_MAGIC || to != option) {
                throw new IOException("the server does not answer as an NBD server does");
            }
            if (length < 0 || length > 2 * Wire.STRING_LIMIT_BYTES) {
                throw new IOException("the server's answer is too long: " + (length & 0xFFFFFFFFL) + " bytes");
            }
            return new Answer(type, receive(length));
        }
    }

    private record Answer(int type, ByteBuffer data) {
        boolean error() {
            return type < 0;
        }

        IOException refusal(String wish) {
            String words = StandardCharsets.UTF_8.decode(data).toString().replaceAll("\\p{Cntrl}", " ");
            return new IOException("the server refuses " + wish + ": " + (words.isBlank() ? "no reason given" : words));
        }
    }

    /** Connects and agrees on everything; the channel is closed if that fails. */
    static RemoteExport open(NbdClient.Address address, Selector selector, Patience patience) throws IOException {
        SocketChannel channel = SocketChannel.open(address.family());
        boolean agreed = false;
        try {
            channel.configureBlocking(false);
            Talk talk = new Talk(channel, selector, patience);
            if (!channel.connect(address.socket())) {
                while (!channel.finishConnect()) {
                    talk.await(SelectionKey.OP_CONNECT);
                }
            }
            address.prepare(channel);
            RemoteExport remote = agree(talk, address.export());
            talk.key.interestOps(0);
            agreed = true;
            return remote;
        } finally {
            if (!agreed) {
                channel.close();
                selector.selectNow();
            }
        }
    }

    private static RemoteExport agree(Talk talk, String export) throws IOException {
        ByteBuffer greeting = talk.receive(18);
        if (greeting.getLong() != Wire.GREETING_MAGIC || greeting.getLong() != Wire.OPTION_MAGIC) {
            throw new ConnectException("who answers there is no NBD server of today");
        }
        int offered = greeting.getShort();
        if ((offered & Wire.HANDSHAKE_FIXED_NEWSTYLE) == 0) {
            throw new ConnectException("the server is too old: it does not know fixed newstyle negotiation");
        }
        talk.send(ByteBuffer.allocate(4).putInt(offered & 3));
        talk.option(Wire.OPT_STRUCTURED_REPLY, ByteBuffer.allocate(0));
        boolean structured = talk.answer(Wire.OPT_STRUCTURED_REPLY).type() == Wire.REP_ACK;
        byte[] name = export.getBytes(StandardCharsets.UTF_8);
        int context = structured ? chooseContext(talk, name) : 0;
        return go(talk, name, structured, context);
    }

    private static int chooseContext(Talk talk, byte[] name) throws IOException {
        byte[] wanted = "base:allocation".getBytes(StandardCharsets.UTF_8);
        ByteBuffer query = ByteBuffer.allocate(12 + name.length + wanted.length);
        talk.option(
                Wire.OPT_SET_META_CONTEXT,
                query.putInt(name.length)
                        .put(name)
                        .putInt(1)
                        .putInt(wanted.length)
                        .put(wanted));
        int context = 0;
        while (true) {
            Answer answer = talk.answer(Wire.OPT_SET_META_CONTEXT);
            if (answer.type() == Wire.REP_META_CONTEXT && answer.data().remaining() >= 4) {
                context = answer.data().getInt();
            } else if (answer.type() == Wire.REP_ACK) {
                return context;
            } else {
                return 0;
            }
        }
    }

    private static RemoteExport go(Talk talk, byte[] name, boolean structured, int context) throws IOException {
        ByteBuffer wish = ByteBuffer.allocate(8 + name.length);
        talk.option(
                Wire.OPT_GO,
                wish.putInt(name.length).put(name).putShort((short) 1).putShort((short) Wire.INFO_BLOCK_SIZE));
        long size = -1;
        int flags = 0;
        int minimum = 1;
        int preferred = 4096;
        int maximum = Wire.MAX_PAYLOAD_BYTES;
        while (true) {
            Answer answer = talk.answer(Wire.OPT_GO);
            ByteBuffer data = answer.data();
            if (answer.error()) {
                throw answer.refusal("to serve the export '" + new String(name, StandardCharsets.UTF_8) + "'");
            }
            if (answer.type() == Wire.REP_ACK) {
                break;
            }
            int kind = answer.type() == Wire.REP_INFO && data.remaining() >= 2 ? data.getShort() & 0xFFFF : -1;
            if (kind == Wire.INFO_EXPORT && data.remaining() == 10) {
                size = data.getLong();
                flags = data.getShort() & 0xFFFF;
            } else if (kind == Wire.INFO_BLOCK_SIZE && data.remaining() == 12) {
                minimum = data.getInt();
                preferred = data.getInt();
                // Unsigned: all ones means that the server has no limit.
                maximum = (int) Math.min(Wire.MAX_PAYLOAD_BYTES, data.getInt() & 0xFFFFFFFFL);
            }
        }
        boolean lawful = size >= 0
                && minimum >= 1
                && minimum <= 65536
                && Integer.bitCount(minimum) == 1
                && preferred >= minimum
                && Integer.bitCount(preferred) == 1
                && maximum >= Math.max(512, minimum)
                && (flags & Wire.FLAG_HAS_FLAGS) != 0;
        if (!lawful) {
            throw new IOException("the server says of its export what no export can be: size " + size + ", blocks of "
                    + minimum + ", " + preferred + " and " + maximum);
        }
        return new RemoteExport(talk.channel, size, flags, minimum, preferred, maximum, structured, context);
    }

    boolean offers(int flag) {
        return (flags & flag) != 0;
    }
}
