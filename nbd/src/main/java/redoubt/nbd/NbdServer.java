package redoubt.nbd;

import java.io.Closeable;
import java.io.IOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import redoubt.base.Clock;
import redoubt.block.IoMemory;

/**
 * An NBD server. It serves any {@link redoubt.block.BlockDevice}, to any number of clients up to its limits, on Unix sockets and on TCP
 * sockets of this machine.
 *
 * <p><b>Threads</b>, all started by the constructor: one {@link Door}, which accepts clients, talks to all of them until transmission and keeps
 * those that have nothing to do; and a few {@link DataThread}s, each of which leases the sessions that have something to do. Nothing is
 * started, and on the data path nothing is allocated, for a client or a request.
 *
 * <p><b>Memory</b>: requests are carried in the {@link IoMemory} that the server is given, which must have buffers of at least 64 KiB and
 * should have many of 4 KiB. When it is used up the server stops reading from its clients until something returns.
 *
 * <p>Fields are fixed, or atomic counts; any thread may call any method.
 */
public final class NbdServer implements AutoCloseable {

    /** Where the servers of this process listen: a client here that connects there would wait for itself. */
    private static final CopyOnWriteArrayList<SocketAddress> LISTENING_HERE = new CopyOnWriteArrayList<>();

    private static final long SHORTAGE_LASTS_NANOS = 10_000_000_000L;

    private final NbdLimits limits;
    private final Door door;
    private final DataThread[] threads;
    private final CopyOnWriteArrayList<Listener> listeners = new CopyOnWriteArrayList<>();

    private final AtomicInteger places = new AtomicInteger();
    private final AtomicInteger sessions = new AtomicInteger();
    private final AtomicLong accepted = new AtomicLong();
    private final AtomicLong refusedAccepts = new AtomicLong();
    private final AtomicLong slow = new AtomicLong();
    private final AtomicLong faults = new AtomicLong();
    private final boolean replyReserve;
    private volatile int waitingForSeats;
    private volatile boolean holding;
    private volatile boolean stopping;
    private volatile long shortUntilNanos = System.nanoTime();

    /**
     * Starts the threads; {@link #listenUnix} and {@link #listenTcp} let clients in.
     *
     * @param exports what is served; may change later
     * @param memory what requests are carried in
     */
    public NbdServer(NbdExports exports, IoMemory memory, NbdLimits limits) throws IOException {
        this(exports, memory, limits, List.of(Path.of(System.getProperty("java.io.tmpdir", "/tmp"))));
    }

    /**
     * The same for a process whose temporary directory may be missing.
     *
     * @param folders where the server may make a socket for a moment, for the memory that it keeps in reserve for replies; the first that will
     *     have it is taken
     */
    public NbdServer(NbdExports exports, IoMemory memory, NbdLimits limits, List<Path> folders) throws IOException {
        this.limits = limits;
        Stock stock = new Stock(memory, limits);
        Clock clock = Clock.system();
        List<SendReserve> reserves = new ArrayList<>();
        List<Loop> loops = new ArrayList<>();
        boolean started = false;
        try {
            for (int i = 0; i <= limits.dataThreads(); i++) {
                reserves.add(SendReserve.in(folders));
            }
            replyReserve = reserves.stream().allMatch(SendReserve::isThere);
            door = new Door(this, exports, limits, stock, clock, reserves.getLast());
            loops.add(door);
            threads = new DataThread[limits.dataThreads()];
            for (int i = 0; i < threads.length; i++) {
                threads[i] = new DataThread(this, stock, limits, clock, reserves.get(i), i);
                loops.add(threads[i]);
            }
            started = true;
        } finally {
            if (!started) {
                reserves.forEach(SendReserve::close);
                loops.forEach(Loop::abandon);
            }
        }
        for (int i = 0; i < threads.length; i++) {
            threads[i].start("redoubt-nbd-" + i);
        }
        door.start("redoubt-nbd-door");
    }

    /** From now on clients find the sockets that are listened on, and wait: nobody is let in before {@link #letIn}. */
    public void hold() {
        holding = true;
    }

    /** Listens on a Unix socket although the others are {@linkplain #hold held}; answers how that is ended. */
    public Closeable listenMeanwhile(Path path) throws IOException {
        Listener listener = unix(path);
        door.listen(listener);
        return () -> {
            listener.close();
            door.wake(); // which lets go of it
        };
    }

    /** Lets in those who wait since {@link #hold}, and all who come. */
    public void letIn() throws IOException {
        if (holding) {
            holding = false;
            for (Listener listener : listeners) {
                door.listen(listener);
            }
        }
    }

    /** Listens on a Unix socket, which only this process's user can open. One of the same user that nobody answers on is replaced. */
    public void listenUnix(Path path) throws IOException {
        listen(unix(path));
    }

    private static Listener unix(Path path) throws IOException {
        ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            UnixSocketFile file = UnixSocketFile.bind(channel, path);
            channel.configureBlocking(false);
            return new Listener(channel, file);
        } catch (IOException refused) {
            channel.close();
            throw refused;
        }
    }

    /**
     * Listens on a TCP socket of this machine.
     *
     * @return the address, with the port that was chosen if {@code address} has port 0
     */
    public InetSocketAddress listenTcp(InetSocketAddress address) throws IOException {
        if (address.isUnresolved()) {
            throw new BindException("there is no address for the host " + address.getHostString());
        }
        if (!address.getAddress().isLoopbackAddress()) {
            throw new BindException("listening on " + address.getHostString() + " would let other machines in without "
                    + "encryption, which this server does not have yet: listen on 127.0.0.1, [::1] or a Unix socket");
        }
        ServerSocketChannel channel = ServerSocketChannel.open();
        try {
            channel.bind(address, 1024);
            channel.configureBlocking(false);
            listen(new Listener(channel, null));
            return (InetSocketAddress) channel.getLocalAddress();
        } catch (IOException refused) {
            channel.close();
            throw refused;
        }
    }

    private void listen(Listener listener) throws IOException {
        listeners.add(listener);
        LISTENING_HERE.add(addressOf(listener));
        if (!holding) {
            door.listen(listener);
        }
    }

    /**
     * Stops: accepts nobody, answers what is in work, refuses new requests with "shutting down", and closes every connection when it has
     * nothing more in work, or at the latest when the time is over. The devices are not closed.
     *
     * @return whether every client got all its answers
     */
    public boolean stop(Duration limit) throws InterruptedException {
        long deadline = System.nanoTime() + limit.toNanos();
        stopping = true;
        closeListeners();
        door.wake();
        for (DataThread thread : threads) {
            thread.wake();
        }
        while (sessions.get() > 0 && System.nanoTime() - deadline < 0) {
            LockSupport.parkNanos(this, 1_000_000);
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
        }
        boolean clean = sessions.get() == 0;
        for (DataThread thread : threads) {
            thread.end();
        }
        door.end();
        long patience = Math.max(100, (deadline - System.nanoTime()) / 1_000_000L);
        for (DataThread thread : threads) {
            clean &= thread.join(patience);
        }
        clean &= door.join(patience);
        return clean;
    }

    /** The system had no memory for something that was asked of it. */
    void noteShortage(long nowNanos) {
        shortUntilNanos = nowNanos + SHORTAGE_LASTS_NANOS;
    }

    /**
     * Whether the system was short of memory a moment ago. Then nobody relies on his selector alone: a socket that could not be put under watch for want of
     * memory is not watched, and nobody is told of that, not even later.
     */
    boolean isShort(long nowNanos) {
        return nowNanos - shortUntilNanos < 0;
    }

    private void closeListeners() {
        for (Listener listener : listeners) {
            listeners.remove(listener);
            try {
                LISTENING_HERE.remove(addressOf(listener));
                listener.close();
            } catch (IOException leftBehind) {
                faults.getAndIncrement();
            }
        }
    }

    private static SocketAddress addressOf(Listener listener) throws IOException {
        return listener.file() == null
                ? listener.channel().getLocalAddress()
                : UnixDomainSocketAddress.of(listener.path().toRealPath());
    }

    /** Whether a server of this very process listens there. */
    static boolean listensHereOn(SocketAddress address) {
        if (address instanceof UnixDomainSocketAddress unix) {
            try {
                return LISTENING_HERE.contains(
                        UnixDomainSocketAddress.of(unix.getPath().toRealPath()));
            } catch (IOException noSuchSocket) {
                return false;
            }
        }
        return LISTENING_HERE.contains(address);
    }

    /** {@link #stop} with five seconds. */
    @Override
    public void close() {
        try {
            stop(Duration.ofSeconds(5));
        } catch (InterruptedException hurried) {
            Thread.currentThread().interrupt();
        }
    }

    /** How the server is doing. */
    public NbdServerStatus status() {
        long requests = 0;
        long read = 0;
        long written = 0;
        long bugs = faults.get() + door.faults();
        for (DataThread thread : threads) {
            requests += thread.requests();
            read += thread.bytesRead();
            written += thread.bytesWritten();
            bugs += thread.faults();
        }
        return new NbdServerStatus(
                sessions.get(),
                limits.connections(),
                busySessions(),
                waitingForSeats,
                accepted.get(),
                refusedAccepts.get(),
                slow.get(),
                requests,
                read,
                written,
                bugs,
                replyReserve);
    }

    /** Where clients reach the server, as NBD URIs without the export's name. */
    public List<String> addresses() {
        return listeners.stream().map(NbdServer::address).toList();
    }

    private static String address(Listener listener) {
        if (listener.file() != null) {
            return "nbd+unix:///?socket=" + listener.path();
        }
        try {
            InetSocketAddress bound = (InetSocketAddress) listener.channel().getLocalAddress();
            String host = bound.getAddress().getHostAddress();
            return "nbd://" + (host.contains(":") ? "[" + host + "]" : host) + ":" + bound.getPort();
        } catch (IOException closed) {
            return "closed";
        }
    }

    // ---- For the loops. ----

    boolean stopping() {
        return stopping;
    }

    /** Takes a place for a client in transmission; the last one is for our own user. */
    boolean takePlace(boolean ourUser) {
        int most = limits.connections() + (ourUser ? 1 : 0);
        while (true) {
            int taken = places.get();
            if (taken >= most) {
                return false;
            }
            if (places.compareAndSet(taken, taken + 1)) {
                return true;
            }
        }
    }

    /** A client has left and all its requests have come back: its place is free. */
    void leftForGood() {
        places.getAndDecrement();
    }

    int placesTaken() {
        return places.get();
    }

    void countSession() {
        sessions.getAndIncrement();
    }

    void sessionEnded() {
        sessions.getAndDecrement();
    }

    void countAccepted() {
        accepted.getAndIncrement();
    }

    void countRefusedAccept() {
        refusedAccepts.getAndIncrement();
    }

    void countSlow() {
        slow.getAndIncrement();
    }

    void countFault() {
        faults.getAndIncrement();
    }

    void waitingForSeats(int sessionsWaiting) {
        waitingForSeats = sessionsWaiting;
    }

    boolean sessionsWaitForSeats() {
        return waitingForSeats > 0;
    }

    void toDoor(Session session) {
        session.owner = door;
        session.signal();
    }

    /** How many sessions are leased to data threads. */
    int busySessions() {
        int busy = 0;
        for (DataThread thread : threads) {
            busy += thread.load.get();
        }
        return busy;
    }

    DataThread leastLoaded() {
        DataThread least = threads[0];
        for (DataThread thread : threads) {
            if (thread.load.get() < least.load.get()) {
                least = thread;
            }
        }
        return least;
    }

    @Nullable
    DataThread threadWithNothing() {
        DataThread least = leastLoaded();
        return least.load.get() == 0 ? least : null;
    }
}
