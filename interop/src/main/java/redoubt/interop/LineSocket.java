package redoubt.interop;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectableChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;

/** A conversation in lines over a Unix socket on which we listen and the other side calls. One thread at a time. */
final class LineSocket implements AutoCloseable {
    private static final int READ_BYTES = 64 << 10;

    private final SocketChannel channel;
    private final ByteBuffer received = ByteBuffer.allocate(READ_BYTES).limit(0);
    private final StringBuilder line = new StringBuilder();

    private LineSocket(SocketChannel channel) {
        this.channel = channel;
    }

    static ServerSocketChannel listen(Path path) throws IOException {
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(path)).configureBlocking(false);
        return server;
    }

    static LineSocket accept(ServerSocketChannel server, String who, Duration limit) throws IOException {
        waitFor(server, SelectionKey.OP_ACCEPT, deadline(limit), who + " to call");
        SocketChannel channel = server.accept();
        channel.configureBlocking(false);
        return new LineSocket(channel);
    }

    void writeLine(String text) {
        try {
            ByteBuffer bytes = ByteBuffer.wrap((text + "\n").getBytes(StandardCharsets.UTF_8));
            long deadline = deadline(Duration.ofSeconds(30));
            while (bytes.hasRemaining()) {
                if (channel.write(bytes) == 0) {
                    waitFor(channel, SelectionKey.OP_WRITE, deadline, "room to write");
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The next line, without its end; {@link TimeLimitPassed} at the deadline or when the other side has hung up. */
    String readLine(long deadlineNanos, String what) {
        try {
            while (true) {
                while (received.hasRemaining()) {
                    char c = (char) (received.get() & 0xff);
                    if (c == '\n') {
                        String whole = line.toString();
                        line.setLength(0);
                        return whole;
                    }
                    line.append(c);
                }
                waitFor(channel, SelectionKey.OP_READ, deadlineNanos, what);
                received.clear();
                int n = channel.read(received);
                received.flip();
                if (n < 0) {
                    throw new TimeLimitPassed("the other side hung up before " + what);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("while waiting for " + what, e);
        }
    }

    static long deadline(Duration limit) {
        return System.nanoTime() + limit.toNanos();
    }

    private static void waitFor(SelectableChannel channel, int operation, long deadlineNanos, String what)
            throws IOException {
        try (Selector selector = Selector.open()) {
            channel.register(selector, operation);
            while (true) {
                long millis =
                        Duration.ofNanos(deadlineNanos - System.nanoTime()).toMillis();
                if (millis <= 0) {
                    throw new TimeLimitPassed("waited in vain for " + what);
                }
                if (selector.select(millis) > 0) {
                    return;
                }
                if (Thread.currentThread().isInterrupted()) {
                    throw new TimeLimitPassed("interrupted while waiting for " + what);
                }
            }
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
