package redoubt.control;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.util.ArrayDeque;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import jdk.net.ExtendedSocketOptions;
import org.jspecify.annotations.Nullable;
import redoubt.base.FileOwner;
import redoubt.base.Threads;
import redoubt.base.Worker;
import redoubt.base.WorkerFactory;
import redoubt.kernfs.KernfsDirectory;

/**
 * Serves a tree of attributes over a local socket to its own user.
 *
 * <p>Everything there will ever be is made when the server is: the thread that selects, the sessions with their memory, and the bell that
 * wakes it. A client that does not read is not written to and not listened to; its changes are counted and nobody waits for it. A client
 * beyond the limit, or of another user, is shut out.
 *
 * <p><b>Threads.</b> One thread runs all sessions. Whoever notifies an attribute rings the bell, which is a store and an unpark; the bell's own
 * thread then wakes the selector, for which the JDK takes a lock.
 */
public final class ControlServer implements AutoCloseable {

    /** How many clients there may be at a time. */
    public static final int CLIENTS_LIMIT = 16;

    private static final long LOOK_MILLIS = 500;

    /** How many attributes are watched at most, over all clients: each is an open file with its memory. */
    private static final int WATCHES_LIMIT = 512;

    private final Path socket;
    private final UserPrincipal owner;
    private final @Nullable Object fileKey; // absent on Windows
    private final ServerSocketChannel door;
    private final Selector selector;
    private final ControlSession[] sessions = new ControlSession[CLIENTS_LIMIT];
    private final ArrayDeque<ControlSession> free = new ArrayDeque<>(); // the selecting thread's
    private final Worker bell;
    private final AtomicLong shutOut = new AtomicLong();
    private final AtomicLong faults = new AtomicLong();
    private int watches; // the selecting thread's
    private volatile boolean rung;
    private volatile boolean closed;
    private @Nullable Thread thread;

    private ControlServer(KernfsDirectory root, Path socket, WorkerFactory workers) throws IOException {
        this.socket = socket;
        this.door = bind(socket);
        this.owner = Files.getOwner(socket);
        this.fileKey = Files.readAttributes(socket, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                .fileKey();
        this.selector = Selector.open();
        door.configureBlocking(false);
        door.register(selector, SelectionKey.OP_ACCEPT);
        for (int i = 0; i < CLIENTS_LIMIT; i++) {
            sessions[i] = new ControlSession(root, this);
            free.add(sessions[i]);
        }
        this.bell = workers.start("redoubt-control-bell", this::wakeSelector);
    }

    /**
     * Binds the socket and starts.
     *
     * @param root the tree
     * @param socket where; its directory must be there. A stale socket of one's own is replaced
     * @throws IOException if the socket cannot be had, in a sentence
     */
    public static ControlServer start(KernfsDirectory root, Path socket, WorkerFactory workers) throws IOException {
        ControlServer server = new ControlServer(root, socket, workers);
        server.thread = Threads.start("redoubt-control", server::run);
        return server;
    }

    private static ServerSocketChannel bind(Path socket) throws IOException {
        if (socket.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8).length
                > ControlPath.SOCKET_PATH_LIMIT_BYTES) {
            throw new IOException("the path of the control socket '" + socket + "' is longer than "
                    + ControlPath.SOCKET_PATH_LIMIT_BYTES + " bytes; name a shorter one with --control.");
        }
        UnixDomainSocketAddress address = UnixDomainSocketAddress.of(socket);
        if (Files.exists(socket, LinkOption.NOFOLLOW_LINKS)) {
            removeStale(socket, address);
        }
        ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            channel.bind(address, CLIENTS_LIMIT);
            if (Files.getFileAttributeView(socket, PosixFileAttributeView.class) != null) {
                Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-------"));
            }
        } catch (IOException refused) {
            channel.close();
            throw new IOException(
                    "the control socket '" + socket + "' cannot be made: " + refused.getMessage() + ".", refused);
        }
        return channel;
    }

    /** Only a socket, of our own user, that nobody answers on, is taken away. */
    private static void removeStale(Path socket, UnixDomainSocketAddress address) throws IOException {
        BasicFileAttributes what = Files.readAttributes(socket, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        if (!what.isOther()) {
            throw new IOException("'" + socket + "' is there and is no socket; it is left alone.");
        }
        try {
            SocketChannel.open(address).close();
        } catch (java.net.ConnectException nobody) {
            if (!FileOwner.isUs(socket)) {
                throw new IOException(
                        "'%s' is a socket that %s left behind; it is left alone: let its owner remove it, or name another with --control."
                                .formatted(socket, FileOwner.name(socket)));
            }
            Files.delete(socket);
            return;
        }
        throw new IOException("'" + socket + "' is served by another process already.");
    }

    /** Where it listens. */
    public Path socket() {
        return socket;
    }

    /** Clients that were turned away since the start. */
    public long shutOut() {
        return shutOut.get();
    }

    /** Bugs that were caught and survived; anything but 0 is one. */
    public long faults() {
        return faults.get();
    }

    /** Called by notifiers on any thread: takes no lock and allocates nothing. */
    void ring() {
        rung = true;
        bell.wake();
    }

    private boolean wakeSelector() {
        if (rung) {
            rung = false;
            selector.wakeup();
        }
        return false;
    }

    private void run() {
        while (!closed) {
            try {
                selector.select(this::ready, LOOK_MILLIS);
                for (ControlSession session : sessions) {
                    advance(session);
                }
            } catch (IOException | RuntimeException fault) {
                faults.incrementAndGet();
            }
        }
        for (ControlSession session : sessions) {
            session.end();
        }
        try {
            selector.close();
        } catch (IOException gone) {
            faults.incrementAndGet();
        }
    }

    private void ready(SelectionKey key) {
        if (key.attachment() instanceof ControlSession session) {
            session.ready();
        } else {
            accept();
        }
    }

    private void accept() {
        try {
            SocketChannel channel = door.accept();
            if (channel == null) {
                return;
            }
            if (free.isEmpty() || !isOwner(channel)) {
                shutOut.incrementAndGet();
                channel.close();
                return;
            }
            channel.configureBlocking(false);
            ControlSession session = free.remove();
            session.begin(channel, channel.register(selector, SelectionKey.OP_READ));
        } catch (IOException gone) {
            shutOut.incrementAndGet();
        }
    }

    private boolean isOwner(SocketChannel channel) throws IOException {
        if (!channel.supportedOptions().contains(ExtendedSocketOptions.SO_PEERCRED)) {
            return true; // Windows: only the directory, which is its owner's, keeps others out
        }
        return channel.getOption(ExtendedSocketOptions.SO_PEERCRED).user().equals(owner);
    }

    /** Whether one more attribute can be watched; it is to be given back then. */
    boolean takeWatch() {
        if (watches >= WATCHES_LIMIT) {
            return false;
        }
        watches++;
        return true;
    }

    void giveBackWatches(int count) {
        watches -= count;
    }

    private void advance(ControlSession session) {
        if (!session.inUse()) {
            return;
        }
        try {
            session.advance();
        } catch (IOException gone) {
            session.end();
        } catch (RuntimeException fault) {
            faults.incrementAndGet();
            session.end();
        }
        if (!session.inUse()) {
            free.add(session);
        }
    }

    /** Stops listening, ends all sessions and takes the socket away. Waits a moment for the thread. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        try {
            door.close();
            Object there = Files.readAttributes(socket, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                    .fileKey();
            if (Objects.equals(fileKey, there)) {
                Files.delete(socket);
            }
        } catch (IOException gone) {
            faults.incrementAndGet();
        }
        selector.wakeup();
        bell.close();
        Thread running = thread;
        if (running != null) {
            try {
                running.join(1_000);
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
