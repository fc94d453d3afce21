package redoubt.cli;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** A connection to a Unix socket, on which no wait is longer than a limit. For one thread. */
final class BoundedSocket implements AutoCloseable {

    private final SocketChannel channel;
    private final Selector selector;
    private final long limitNanos;

    /** @param limitNanos for each wait: until somebody answers, or takes more */
    BoundedSocket(Path path, long limitNanos) throws IOException {
        this.limitNanos = limitNanos;
        channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        boolean connected = false;
        try {
            channel.configureBlocking(false);
            selector = Selector.open();
            connected = true;
        } finally {
            if (!connected) {
                channel.close();
            }
        }
        connected = false;
        try {
            connected = channel.connect(UnixDomainSocketAddress.of(path));
            if (!connected) {
                throw new IOException("too many wait already to be let in at " + path);
            }
            channel.register(selector, 0);
        } finally {
            if (!connected) {
                close();
            }
        }
    }

    /** Waits for some bytes; answers how many came, or -1 where nothing more will. */
    int read(ByteBuffer into) throws IOException {
        int got = channel.read(into);
        while (got == 0 && into.hasRemaining()) {
            await(SelectionKey.OP_READ);
            got = channel.read(into);
        }
        return got;
    }

    /** Sends all of it. */
    void write(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            if (channel.write(bytes) == 0) {
                await(SelectionKey.OP_WRITE);
            }
        }
    }

    private void await(int ready) throws IOException {
        channel.keyFor(selector).interestOps(ready);
        long begin = System.nanoTime();
        long left = limitNanos;
        while (selector.selectNow(key -> {}) == 0) {
            if (left <= 0) {
                throw new SocketTimeoutException(
                        "nobody answers within " + TimeUnit.NANOSECONDS.toSeconds(limitNanos) + " s");
            }
            if (selector.select(key -> {}, 1 + TimeUnit.NANOSECONDS.toMillis(left)) > 0) {
                return;
            }
            left = limitNanos - (System.nanoTime() - begin);
        }
    }

    @Override
    public void close() throws IOException {
        try (channel) {
            selector.close();
        }
    }
}
