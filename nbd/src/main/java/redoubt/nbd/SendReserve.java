package redoubt.nbd;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import redoubt.block.ErrorText;

/**
 * Memory of the kernel in reserve, for replies. Each message on a Unix socket takes some, on the account of who sends; where that account is used up (a
 * memory cgroup at its limit) the system refuses to send with ENOBUFS or ENOMEM, and nobody says when it will not. So a connection of this thread with
 * itself holds some small messages from the start. When a reply is refused they are taken out, which makes room for it on the same
 * account; once the client has read the reply, they are put back. Where a socket may hold less than that by the system's own limits, there are fewer.
 *
 * <p>For one thread. A refused call makes an exception, on the heap, which is there.
 */
final class SendReserve {

    private static final int ENOMEM = 12;
    private static final int ENFILE = 23;
    private static final int ENOBUFS = 105;

    /** What the system says, in words of its own, since Java hands on nothing else. Asked for once. */
    private static final String NO_BUFFER_SPACE = ErrorText.of(ENOBUFS, "No buffer space available");

    private static final String NO_MEMORY = ErrorText.of(ENOMEM, "Cannot allocate memory");

    /** What accept(2) says where there is no memory for a socket. */
    private static final String NO_SOCKET = ErrorText.of(ENFILE, "Too many open files in system");

    private static final int MESSAGES = 128;
    private static final int MESSAGE_BYTES = 16;

    private final @Nullable SocketChannel into;
    private final @Nullable SocketChannel outOf;
    private final ByteBuffer message = ByteBuffer.allocateDirect(MESSAGE_BYTES);
    private final ByteBuffer released = ByteBuffer.allocateDirect(MESSAGE_BYTES);
    private int held;
    private int most = MESSAGES;

    private SendReserve(@Nullable SocketChannel into, @Nullable SocketChannel outOf) {
        this.into = into;
        this.outOf = outOf;
        refill();
    }

    /**
     * Takes a reserve. Without one where a connection cannot be made, which {@link #isThere} tells.
     *
     * @param folders where a socket may lie for a moment; the first that will have it is taken
     */
    static SendReserve in(List<Path> folders) {
        for (Path folder : folders) {
            SendReserve made = in(folder, 0);
            if (made.isThere()) {
                return made;
            }
        }
        return new SendReserve(null, null);
    }

    /**
     * The same in one folder.
     *
     * @param bufferBytes how much the connection may hold, by the system's count; 0 for what the system usually gives
     */
    static SendReserve in(Path folder, int bufferBytes) {
        @Nullable SocketChannel one = null;
        @Nullable SocketChannel other = null;
        boolean made = false;
        try {
            Path hidden = Files.createTempDirectory(folder, ".");
            Path place = hidden.resolve("s");
            try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
                UnixDomainSocketAddress address = UnixDomainSocketAddress.of(place);
                server.bind(address);
                one = SocketChannel.open(address);
                other = server.accept();
                one.configureBlocking(false);
                other.configureBlocking(false);
                if (bufferBytes > 0) {
                    one.setOption(StandardSocketOptions.SO_SNDBUF, bufferBytes);
                }
            } finally {
                Files.deleteIfExists(place);
                Files.delete(hidden);
            }
            made = true;
            return new SendReserve(one, other);
        } catch (IOException | UnsupportedOperationException noUnixSockets) {
            return new SendReserve(null, null);
        } finally {
            if (!made) {
                closeAll(one, other);
            }
        }
    }

    /** Whether there is anything in reserve, or was. */
    boolean isThere() {
        return into != null && most > 0;
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
        if (held == most) {
            release();
        }
        try {
            while (held < most) {
                message.clear();
                if (to.write(message) < MESSAGE_BYTES) {
                    most = held; // the connection is full, and no more fits into it: that is no shortage
                    return true;
                }
                held++;
            }
            return true;
        } catch (IOException stillShort) {
            return false; // tried again soon
        }
    }

    void close() {
        held = 0;
        closeAll(into, outOf);
    }

    private static void closeAll(@Nullable SocketChannel... channels) {
        for (SocketChannel channel : channels) {
            try {
                if (channel != null) {
                    channel.close();
                }
            } catch (IOException _) {
                // Closed all the same.
            }
        }
    }
}
