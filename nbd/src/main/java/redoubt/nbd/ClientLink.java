package redoubt.nbd;

import java.io.IOException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import redoubt.base.Clock;
import redoubt.block.BlockLimits;

/**
 * The connection of an {@link NbdClient}, lost and made again: at once when it was lost, and then every tenth of a second. Belongs to the client's
 * thread.
 */
final class ClientLink {

    private static final long RETRY_NANOS = 100_000_000L;

    private final NbdClient.Address address;
    private final Selector selector;
    private final BlockLimits limits;
    private final Clock clock;
    private final long timeLimitNanos;
    private final long sizeBytes;
    private final boolean flushes;
    private final AtomicLong reconnections = new AtomicLong();

    private @Nullable RemoteExport remote;
    private @Nullable SelectionKey key;
    private long retryNanos;

    ClientLink(
            NbdClient.Address address,
            RemoteExport remote,
            Selector selector,
            BlockLimits limits,
            NbdClientOptions options,
            Clock clock) {
        this.address = address;
        this.remote = remote;
        this.key = remote.channel().keyFor(selector);
        this.sizeBytes = remote.sizeBytes();
        this.flushes = remote.offers(Wire.FLAG_SEND_FLUSH);
        this.selector = selector;
        this.limits = limits;
        this.clock = clock;
        this.timeLimitNanos = options.timeLimitNanos();
    }

    /** Any thread. */
    long reconnections() {
        return reconnections.get();
    }

    /** The export we are connected to, or null. */
    @Nullable
    RemoteExport remote() {
        return remote;
    }

    /** Whether it is time to connect. */
    boolean mayConnect() {
        return clock.nanos() - retryNanos >= 0;
    }

    /** Says what the selector shall wake for. */
    void interest(int ops) {
        SelectionKey present = key;
        if (present != null) {
            present.interestOps(ops);
        }
    }

    void disconnect() {
        RemoteExport connected = remote;
        remote = null;
        key = null;
        if (connected != null) {
            try {
                connected.channel().close();
                selector.selectNow();
            } catch (IOException alreadyGone) {
                key = null;
            }
        }
        retryNanos = clock.nanos();
    }

    /**
     * Tries to connect once.
     *
     * @param patience looks after the requests meanwhile
     * @return whether the server, if there is one now, still serves the same disk: nothing may be written to another that has come up under
     *     its name
     */
    boolean connect(RemoteExport.Patience patience) {
        long began = clock.nanos();
        RemoteExport again;
        try {
            again = RemoteExport.open(address, selector, () -> {
                patience.whileWaiting();
                if (clock.nanos() - began > timeLimitNanos) {
                    throw new IOException("the server takes too long to agree");
                }
            });
        } catch (IOException notYet) {
            retryNanos = clock.nanos() + RETRY_NANOS;
            return true;
        }
        reconnections.incrementAndGet();
        remote = again;
        key = again.channel().keyFor(selector);
        return again.sizeBytes() == sizeBytes
                && again.minimumBytes() <= limits.blockBytes()
                && again.maximumBytes() >= limits.maxTransferBytes()
                && (again.offers(Wire.FLAG_SEND_FLUSH) || !flushes)
                && (limits.readOnly() || !again.offers(Wire.FLAG_READ_ONLY));
    }
}
