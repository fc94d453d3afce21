package redoubt.mdmon;

import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import redoubt.base.Threads;

/**
 * The socket on which mdadm talks to mdmon. A message is framed in the byte order of the machine:
 *
 * <pre>
 *   0: 0x5A5AA5A5 (4)   4: length (4, signed)   8: so many bytes   8 + length: 0xA5A55A5A (4)
 *
 * length 0     has the monitor look at everything once more; answered with the version, a zero byte behind it
 * length -1    has the manager look for arrays; answered with an empty message
 * below        answered with an empty message
 * above        an update of the metadata, in the memory layout of one build of mdadm: nobody else can read it. Hung up on, so that
 *              nobody believes that it was done
 * </pre>
 *
 * One client at a time, each of whose steps may take three seconds. A thread of its own, started at {@link #open}.
 */
final class CommandSocket implements AutoCloseable {

    /** What is asked for. */
    interface Commands {
        /** Waits until the monitor has looked at everything once more; answers whether it has. */
        boolean awaitMonitor(long limitNanos);

        /** Waits until the manager has looked for arrays; answers whether it has. */
        boolean awaitManager(long limitNanos);
    }

    /** What mdadm wants to hear: a name, a dash, a 'v', and the version of mdmon whose words these are. */
    static final String VERSION = "redoubt mdmon - v4.2 - in the place of mdmon 4.2";

    static final int BEGIN = 0x5A5AA5A5;
    static final int END = 0xA5A55A5A;
    static final int PING_MONITOR = 0;
    static final int PING_MANAGER = -1;

    private static final int FRAME_BYTES = 12;
    private static final int LENGTH_LIMIT_BYTES = 4 << 20;
    private static final long STEP_LIMIT_NANOS = 3_000_000_000L;

    /** A client waits for 20 seconds. */
    private static final long WORK_LIMIT_NANOS = 20_000_000_000L;

    private static final int BACKLOG = 10;
    private static final long END_LIMIT_SECONDS = 1;

    private final ServerSocketChannel door;
    private final Selector selector;
    private final Commands commands;
    private final CountDownLatch over = new CountDownLatch(1);
    private volatile boolean closed;

    private CommandSocket(ServerSocketChannel door, Selector selector, Commands commands) {
        this.door = door;
        this.selector = selector;
        this.commands = commands;
    }

    /** Listens at a place where nothing is, in a directory that is one's own alone. */
    static CommandSocket open(Path place, Commands commands) throws IOException {
        ServerSocketChannel door = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            door.bind(UnixDomainSocketAddress.of(place), BACKLOG);
            Files.setPosixFilePermissions(place, PosixFilePermissions.fromString("rwx------"));
            door.configureBlocking(false);
            Selector selector = Selector.open();
            door.register(selector, SelectionKey.OP_ACCEPT);
            CommandSocket socket = new CommandSocket(door, selector, commands);
            Threads.start("mdmon-commands", socket::serve);
            return socket;
        } catch (IOException refused) {
            door.close();
            throw new IOException("the command socket '%s' cannot be made: %s".formatted(place, refused.getMessage()));
        }
    }

    private void serve() {
        try {
            while (!closed) {
                selector.select();
                selector.selectedKeys().clear();
                try (SocketChannel client = closed ? null : door.accept()) {
                    if (client != null) {
                        serve(client);
                    }
                } catch (IOException itsFault) {
                    // Whoever breaks off or talks nonsense is hung up on; the next one is served.
                    selector.selectedKeys().clear();
                }
            }
        } catch (IOException noSelector) {
            closed = true;
        } finally {
            over.countDown();
        }
    }

    private void serve(SocketChannel client) throws IOException {
        try (Exchange exchange = new Exchange(client)) {
            while (!closed) {
                int length = exchange.receiveLength();
                if (length > 0) {
                    return;
                }
                exchange.receiveEnd();
                boolean done = switch (length) {
                    case PING_MONITOR -> commands.awaitMonitor(WORK_LIMIT_NANOS);
                    case PING_MANAGER -> commands.awaitManager(WORK_LIMIT_NANOS);
                    default -> true;
                };
                if (!done) {
                    return;
                }
                exchange.send(
                        length == PING_MONITOR ? (VERSION + '\0').getBytes(StandardCharsets.US_ASCII) : new byte[0]);
            }
        }
    }

    @Override
    public void close() throws IOException {
        closed = true;
        selector.wakeup();
        try {
            if (over.await(END_LIMIT_SECONDS, TimeUnit.SECONDS)) {
                selector.close();
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        door.close();
    }

    // ---------------------------------------------------------------------------------------------- the other side

    /** Whether a daemon answers there. */
    static boolean answers(Path place) {
        try {
            return ask(place, PING_MONITOR).length > 0;
        } catch (IOException nobody) {
            return false;
        }
    }

    /** Sends a message without content; returns what the answer holds. */
    static byte[] ask(Path place, int length) throws IOException {
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(place));
                Exchange exchange = new Exchange(channel)) {
            exchange.sendLength(length);
            return exchange.receive();
        }
    }

    /** One connection, of which no step takes longer than the limit. */
    private static final class Exchange implements AutoCloseable {
        private final SocketChannel channel;
        private final Selector selector;
        private final SelectionKey key;

        Exchange(SocketChannel channel) throws IOException {
            this.channel = channel;
            channel.configureBlocking(false);
            this.selector = Selector.open();
            this.key = channel.register(selector, SelectionKey.OP_READ);
        }

        int receiveLength() throws IOException {
            ByteBuffer head = receive(8);
            int begin = head.getInt();
            int length = head.getInt();
            if (begin != BEGIN || length > LENGTH_LIMIT_BYTES) {
                throw new IOException("no message begins like this");
            }
            return length;
        }

        void receiveEnd() throws IOException {
            if (receive(4).getInt() != END) {
                throw new IOException("no message ends like this");
            }
        }

        byte[] receive() throws IOException {
            byte[] content = receive(Math.max(0, receiveLength())).array();
            receiveEnd();
            return content;
        }

        private ByteBuffer receive(int count) throws IOException {
            ByteBuffer bytes = ByteBuffer.allocate(count).order(ByteOrder.nativeOrder());
            long deadline = System.nanoTime() + STEP_LIMIT_NANOS;
            while (bytes.hasRemaining()) {
                int came = channel.read(bytes);
                if (came < 0) {
                    throw new EOFException("the other side has hung up");
                }
                if (came == 0) {
                    await(SelectionKey.OP_READ, deadline);
                }
            }
            return bytes.flip();
        }

        void send(byte[] content) throws IOException {
            ByteBuffer message = message(content.length);
            sendAll(message.put(content).putInt(END).flip());
        }

        /** A message without content, whatever its length says. */
        void sendLength(int length) throws IOException {
            sendAll(message(0).putInt(4, length).putInt(END).flip());
        }

        private static ByteBuffer message(int length) {
            return ByteBuffer.allocate(FRAME_BYTES + length)
                    .order(ByteOrder.nativeOrder())
                    .putInt(BEGIN)
                    .putInt(length);
        }

        private void sendAll(ByteBuffer bytes) throws IOException {
            long deadline = System.nanoTime() + STEP_LIMIT_NANOS;
            while (bytes.hasRemaining()) {
                if (channel.write(bytes) == 0) {
                    await(SelectionKey.OP_WRITE, deadline);
                }
            }
        }

        private void await(int operation, long deadline) throws IOException {
            long left = (deadline - System.nanoTime() + 999_999) / 1_000_000;
            if (left <= 0) {
                throw new IOException("the other side does not go on");
            }
            key.interestOps(operation);
            selector.select(left);
            selector.selectedKeys().clear();
        }

        @Override
        public void close() throws IOException {
            selector.close();
        }
    }
}
