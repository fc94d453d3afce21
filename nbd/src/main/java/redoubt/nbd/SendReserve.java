package redoubt.nbd;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Memory of the kernel in reserve, for replies. Each message on a Unix socket takes some, on the account of who sends; where that account is used up (a
 * memory cgroup at its limit) the system refuses to send with ENOBUFS or ENOMEM, and nobody says when it will not. So a connection of this thread with
 * itself holds some small messages from the start. When a reply is refused they are taken out, which makes room for it on the same
 * account; once the client has read the reply, they are put back.
 *
 * <p>For one thread. A refused call makes an exception, on the heap, which is there.
 */
final class SendReserve {

    /** What the system says, in its own words, since Java hands on nothing else: ENOBUFS and ENOMEM. */
    private static final String NO_BUFFER_SPACE = "No buffer space available";

    private static final String NO_MEMORY = "Cannot allocate memory";

    /** What accept(2) says where there is no memory for a socket (ENFILE). */
    private static final String NO_SOCKET = "Too many open files in system";

    private static final int MESSAGES = 128;
    private static final int MESSAGE_BYTES = 16;

    private final @Nullable SocketChannel into;
    private final @Nullable SocketChannel outOf;
    private final ByteBuffer message = ByteBuffer.allocateDirect(MESSAGE_BYTES);
    private final ByteBuffer released = ByteBuffer.allocateDirect(MESSAGE_BYTES);
    private int held;

    SendReserve() {
        @Nullable SocketChannel one = null;
        @Nullable SocketChannel other = null;
        try {
            Path folder = Files.createTempDirectory("redoubt-");
            Path place = folder.resolve("s");
            try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
                UnixDomainSocketAddress address = UnixDomainSocketAddress.of(place);
                server.bind(address);
                one = SocketChannel.open(address);
                other = server.accept();
                one.configureBlocking(false);
                other.configureBlocking(false);
            } finally {
                Files.deleteIfExists(place);
                Files.delete(folder);
            }
        } catch (IOException | UnsupportedOperationException noUnixSockets) {
            one = null;
        }
        into = one;
        outOf = other;
        refill();
    }

    /** Whether the system refused to send for want of memory, and the connection is as it was. */
    static boolean isShortage(IOException refused) {
        String why = refused.getMessage();
        return NO_BUFFER_SPACE.equals(why) || NO_MEMORY.equals(why) || NO_SOCKET.equals(why);
    }

    /**
     * Makes room for one small message; answers whether there was anything in reserve. No more than one, for what makes up a whole page others may
     * take.
     */
    boolean release() {
        SocketChannel from = outOf;
        if (from == null || held == 0) {
            return false;
        }
        try {
            released.clear();
            int got = from.read(released);
            held -= Math.max(0, got) / MESSAGE_BYTES;
            return got > 0;
        } catch (IOException gone) {
            held = 0;
            return false;
        }
    }

    /** Puts back what was taken out, and one message in the place of another; answers whether the system gave all that this takes. */
    boolean refill() {
        SocketChannel to = into;
        if (to == null) {
            return true;
        }
        if (held == MESSAGES) {
            release();
        }
        try {
            while (held < MESSAGES) {
                message.clear();
                if (to.write(message) < MESSAGE_BYTES) {
                    return false;
                }
                held++;
            }
            return true;
        } catch (IOException stillShort) {
            return false; // tried again soon
        }
    }

    void close() {
        try {
            SocketChannel to = into;
            SocketChannel from = outOf;
            if (to != null && from != null) {
                to.close();
                from.close();
            }
        } catch (IOException gone) {
            held = 0;
        }
    }
}
