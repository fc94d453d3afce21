package redoubt.nbd;

import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import jdk.net.ExtendedSocketOptions;
import org.jspecify.annotations.Nullable;

/**
 * A socket that a server accepts on.
 *
 * @param channel the socket
 * @param file the file of a Unix socket; absent for TCP
 */
record Listener(ServerSocketChannel channel, @Nullable UnixSocketFile file) {

    private static final int SOCKET_BUFFER_BYTES = 1 << 20;

    Path path() {
        UnixSocketFile present = file;
        if (present == null) {
            throw new IllegalStateException("a TCP socket has no file");
        }
        return present.path();
    }

    /** Sets what a new connection needs. */
    void prepare(SocketChannel accepted) throws IOException {
        accepted.setOption(StandardSocketOptions.SO_SNDBUF, SOCKET_BUFFER_BYTES);
        if (file == null) {
            accepted.setOption(StandardSocketOptions.TCP_NODELAY, true);
        } else {
            accepted.setOption(StandardSocketOptions.SO_RCVBUF, SOCKET_BUFFER_BYTES);
        }
    }

    /** Whether the client is the user that this process runs as, as far as the system can tell. */
    boolean isOurUser(SocketChannel accepted) {
        if (file == null) {
            return false;
        }
        try {
            return accepted.getOption(ExtendedSocketOptions.SO_PEERCRED)
                    .user()
                    .getName()
                    .equals(System.getProperty("user.name"));
        } catch (IOException | UnsupportedOperationException unknown) {
            return false;
        }
    }

    /** Stops accepting, and takes the file away if it is still ours. */
    void close() throws IOException {
        channel.close();
        if (file != null) {
            file.remove();
        }
    }
}
