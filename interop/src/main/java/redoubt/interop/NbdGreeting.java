package redoubt.interop;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** The first words of every NBD server, by which one knows that it serves. */
public final class NbdGreeting {
    private static final ByteBuffer MAGIC =
            ByteBuffer.wrap("NBDMAGIC".getBytes(StandardCharsets.US_ASCII)).asReadOnlyBuffer();

    private NbdGreeting() {}

    /** Calls at a Unix socket and hangs up again; throws where nobody listens. */
    public static boolean isGivenAt(Path socket) throws IOException {
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            ByteBuffer heard = ByteBuffer.allocate(MAGIC.capacity());
            while (heard.hasRemaining()) {
                if (channel.read(heard) < 0) {
                    return false;
                }
            }
            return heard.flip().equals(MAGIC.duplicate());
        }
    }
}
