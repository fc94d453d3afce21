package redoubt.nbd;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ProtocolFamily;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import redoubt.base.AwakeTime;
import redoubt.base.Clock;
import redoubt.base.Threads;
import redoubt.block.BlockDevice;
import redoubt.block.BlockLimits;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;

/**
 * A remote export as a disk. One connection with several requests in flight, and one thread, made at start, that alone touches it
 * ({@link ClientLane}): the socket never blocks, so the thread that reads can write, and the thread that waits can look at the clock.
 *
 * <p>When the connection is lost it is made again, and what was not answered is sent again; but only while everything that was written is
 * durable. A server that dies takes with it what it had acknowledged and not flushed, and would answer the next flush all the same; a write
 * that was under way may be carried out late, over a newer one. So the loss of the connection ends everything then, and so does an export that
 * has come up under the name and is another ({@link Landmarks}), and a request that is older than the time limit: every request is settled
 * {@link IoStatus#TIMED_OUT}, {@link #whenHung} is told, and later ones are settled {@link IoStatus#GONE}. Nothing stays in quarantine then, for
 * the one who writes into the memory is the one who gives up.
 *
 * <p><b>Any thread</b> puts requests into {@code inbox}, a stack, and then looks at {@code state}; whoever ends the client raises {@code state} and
 * then empties the inbox: one of them takes the request out.
 */
public final class NbdClient implements BlockDevice {

    static final int OPEN = 0;
    static final int CLOSED = 1;
    static final int ABANDONED = 2;

    /** Longest transfer, however much more the server would take. */
    private static final int MAX_TRANSFER_BYTES = Wire.MAX_PAYLOAD_BYTES;

    /** Where an export is, resolved. */
    record Address(ProtocolFamily family, SocketAddress socket, String export) {

        static Address of(NbdUri uri) throws UnknownHostException {
            if (uri.socket() != null) {
                return new Address(StandardProtocolFamily.UNIX, UnixDomainSocketAddress.of(uri.socket()), uri.export());
            }
            InetAddress[] found = InetAddress.getAllByName(uri.host());
            ProtocolFamily family =
                    found[0].getAddress().length == 4 ? StandardProtocolFamily.INET : StandardProtocolFamily.INET6;
            return new Address(family, new InetSocketAddress(found[0], uri.port()), uri.export());
        }

        void prepare(SocketChannel channel) throws IOException {
            if (socket instanceof InetSocketAddress) {
                channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            }
        }
    }

    private final NbdUri uri;
    private final BlockLimits limits;
    private final AwakeTime time;
    private final Selector selector;
    private final ClientLane lane;
    private final AtomicReference<@Nullable IoRequest> inbox = new AtomicReference<>();
    private final AtomicInteger state = new AtomicInteger(OPEN);
    private final AtomicInteger asleep = new AtomicInteger();
    private volatile Runnable whenHung = NbdClient::nobodyListens;

    private NbdClient(NbdUri uri, Address address, RemoteExport remote, Selector selector, NbdClientOptions options) {
        this.uri = uri;
        this.selector = selector;
        this.limits = limits(remote, options);
        this.time = new AwakeTime(Clock.system(), options.timeLimitNanos());
        this.lane = new ClientLane(this, address, remote, selector, limits, options, time);
        Threads.start("nbd-client-" + uri.export(), lane::run);
    }

    private static void nobodyListens() {}

    /**
     * Connects. On return the client's thread runs and all it needs is allocated. May take as long as the options say, and as long as the
     * system takes to find the host's address.
     *
     * @throws IOException if nobody answers, or not as an NBD server, or does not serve the export; with a sentence
     */
    public static NbdClient open(NbdUri uri, NbdClientOptions options) throws IOException {
        Address address = Address.of(uri);
        if (!options.ownServerToo() && NbdServer.listensHereOn(address.socket())) {
            throw new IOException(uri + " is served by this very process: a disk that waits for itself");
        }
        long deadline = System.nanoTime() + options.connectMillis() * 1_000_000L;
        Selector selector = Selector.open();
        boolean connected = false;
        try {
            RemoteExport remote = RemoteExport.open(address, selector, () -> {
                if (System.nanoTime() - deadline > 0) {
                    throw new IOException("no answer within " + options.connectMillis() + " ms");
                }
            });
            NbdClient client = new NbdClient(uri, address, remote, selector, options);
            connected = true;
            return client;
        } catch (IOException refused) {
            throw new IOException("cannot use " + uri + ": " + refused.getMessage(), refused);
        } finally {
            if (!connected) {
                selector.close();
            }
        }
    }

    private static BlockLimits limits(RemoteExport remote, NbdClientOptions options) {
        int block = Math.max(512, remote.minimumBytes());
        int preferred = Math.clamp(remote.preferredBytes(), block, 1 << 20);
        int transfer = Math.min(MAX_TRANSFER_BYTES, remote.maximumBytes()) & -block;
        return new BlockLimits(
                remote.sizeBytes() & -block,
                block,
                preferred,
                Math.max(block, transfer),
                options.readOnly() || remote.offers(Wire.FLAG_READ_ONLY),
                false, // NBD's TRIM promises nothing of what is read afterwards
                remote.offers(Wire.FLAG_SEND_WRITE_ZEROES),
                remote.offers(Wire.FLAG_ROTATIONAL));
    }

    /** Where the export is. */
    public NbdUri uri() {
        return uri;
    }

    @Override
    public BlockLimits limits() {
        return limits;
    }

    /** Names the one who is told, on the client's thread, that the server did not answer in time. It must not block. */
    public void whenHung(Runnable listener) {
        whenHung = listener;
    }

    /** How often the connection was made again. */
    public long reconnections() {
        return lane.reconnections();
    }

    @Override
    public void submit(IoRequest request) {
        IoStatus status = limits.check(request);
        if (status != IoStatus.OK) {
            request.complete(state.get() == OPEN ? status : IoStatus.GONE);
            return;
        }
        if (state.get() != OPEN) {
            request.complete(IoStatus.GONE);
            return;
        }
        if (request.operation() == IoOperation.TRIM) {
            request.complete(IoStatus.OK);
            return;
        }
        request.acceptedNanos = time.nanos();
        while (true) {
            IoRequest first = inbox.get();
            request.next = first;
            if (inbox.compareAndSet(first, request)) {
                break;
            }
        }
        if (state.get() == OPEN) {
            wake();
        } else {
            settleInbox();
        }
    }

    /** Gives the connection up. What the server has not answered is settled {@link IoStatus#GONE}; does not wait for anything. */
    @Override
    public void close() {
        if (state.compareAndSet(OPEN, CLOSED)) {
            selector.wakeup();
            settleInbox();
        }
    }

    // ---- For the lane. ----

    int state() {
        return state.get();
    }

    /** Takes all that was put in, the oldest first. */
    @Nullable
    IoRequest takeInbox() {
        if (inbox.get() == null) {
            return null;
        }
        IoRequest newest = inbox.getAndSet(null);
        IoRequest oldest = null;
        while (newest != null) {
            IoRequest older = newest.next;
            newest.next = oldest;
            oldest = newest;
            newest = older;
        }
        return oldest;
    }

    boolean inboxEmpty() {
        return inbox.get() == null;
    }

    void sleeps(boolean now) {
        asleep.set(now ? 1 : 0);
    }

    private void wake() {
        if (asleep.get() != 0 && asleep.compareAndSet(1, 0)) {
            selector.wakeup();
        }
    }

    /** The lane has given up: from now on everything is GONE. */
    void abandon() {
        if (state.compareAndSet(OPEN, ABANDONED)) {
            whenHung.run();
        }
    }

    void settleInbox() {
        IoRequest waiting = takeInbox();
        while (waiting != null) {
            IoRequest next = waiting.next;
            waiting.next = null;
            waiting.complete(IoStatus.GONE);
            waiting = next;
        }
    }
}
