package redoubt.nbd;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.ArrayList;
import redoubt.base.Clock;

/**
 * The thread that lets clients in. It accepts them, holds the {@link Handshake} with all of them at once, and keeps the sessions that have
 * nothing to do: when one of those sends something, it gets a seat and is leased to the data thread that has fewest.
 *
 * <p>The handshake may allocate, within bounds: it is not the data path, and a client in it has nothing at stake yet. A client costs at most
 * 16 KiB, there are at most as many as the limits say, and each has its ten seconds; when one more comes than there are places, the
 * oldest goes.
 *
 * <p>All fields belong to this thread.
 */
final class Door extends Loop {

    private static final int ACCEPTS_AT_ONCE = 64;
    private static final int STEPS_AT_ONCE = 16;
    private static final long ACCEPT_PAUSE_NANOS = 50_000_000L;
    private static final long REFILL_NANOS = 50_000_000L;
    private static final int LOOKS_AT_ONCE = 16;

    /** A client before transmission. */
    private final class Caller {
        final SocketChannel channel;
        final SelectionKey key;
        final Handshake handshake;
        final long deadlineNanos;
        boolean placeTaken;
        boolean gone;

        Caller(SocketChannel channel, boolean ourUser, long deadlineNanos) throws IOException {
            this.channel = channel;
            this.deadlineNanos = deadlineNanos;
            this.handshake = new Handshake(exports, () -> {
                placeTaken = server.takePlace(ourUser);
                return placeTaken;
            });
            this.key = channel.register(selector, 0, this);
        }
    }

    private final NbdServer server;
    private final NbdExports exports;
    private final NbdLimits limits;
    private final Stock stock;
    private final Clock clock;

    private final ArrayDeque<Caller> callers = new ArrayDeque<>();
    private int callersThere;
    private boolean callersRefused; // some are not watched, for want of memory, and are looked at in each turn
    private final ArrayList<Session> idle = new ArrayList<>();
    private int lookedAt;
    private final ArrayDeque<Session> waiting = new ArrayDeque<>();
    private final ByteBuffer[] seats;
    private int freeSeats;
    private final ArrayList<Listener> paused = new ArrayList<>();
    private long pausedUntilNanos;
    private final SendReserve reserve;
    private long filledNanos;
    private boolean shutDown;

    Door(NbdServer server, NbdExports exports, NbdLimits limits, Stock stock, Clock clock, SendReserve reserve)
            throws IOException {
        this.reserve = reserve;
        this.server = server;
        this.exports = exports;
        this.limits = limits;
        this.stock = stock;
        this.clock = clock;
        this.seats = new ByteBuffer[limits.seats()];
        for (ByteBuffer ignored : seats) {
            seats[freeSeats++] = ByteBuffer.allocateDirect(NbdLimits.SEAT_BYTES);
        }
    }

    /** Any thread: begins to accept on a socket. */
    void listen(Listener listener) throws IOException {
        listener.channel().register(selector, SelectionKey.OP_ACCEPT, listener);
        selector.wakeup();
    }

    @Override
    void turn() throws IOException {
        boolean shortage = server.isShort(clock.nanos()) || callersRefused;
        callersRefused = false; // whoever is refused in this turn says so again
        sleep(shortage ? SHORTAGE_SLEEP_MILLIS : SLEEP_LIMIT_MILLIS);
        takeInbox();
        long now = clock.nanos();
        if (now - filledNanos > REFILL_NANOS) {
            filledNanos = now;
            if (!reserve.refill()) {
                server.noteShortage(now);
            }
            lookAtSome();
        }
        if (shortage) {
            lookAtAll();
        }
        dismissLate(now);
        // While memory is short nothing is put under watch that is looked at anyway.
        if (!paused.isEmpty() && !server.isShort(now) && now - pausedUntilNanos >= 0) {
            // No lambda: it would be linked at the moment when memory is short.
            for (int i = 0; i < paused.size(); i++) {
                acceptOn(paused.get(i), SelectionKey.OP_ACCEPT);
            }
            paused.clear();
        }
        seatWaiting();
        if (server.stopping() && !shutDown) {
            shutDown = true;
            callers.forEach(caller -> caller.handshake.shutDown());
        }
        if (shutDown) {
            new ArrayList<>(idle).forEach(this::closeIdle);
        }
    }

    /** Without being told: the sockets on which nobody is accepted just now, those of callers, and idle sessions, which the data threads look at while they have them. */
    private void lookAtAll() {
        for (int i = 0; i < paused.size(); i++) {
            accept(paused.get(i));
        }
        for (Caller caller : new ArrayList<>(callers)) {
            if (!caller.gone) {
                talk(caller);
            }
        }
        for (Session session : new ArrayList<>(idle)) {
            if (freeSeats == 0) {
                return;
            }
            lease(session);
        }
    }

    /**
     * Now and then some are looked at although nothing is known of a shortage: a watch that the system had no memory for does not exist, and the selector
     * does not say so. For a session a seat is lent, and it is leased if it has anything.
     */
    private void lookAtSome() {
        if (callersThere > 0) {
            int looks = 0;
            for (Caller caller : new ArrayList<>(callers)) {
                if (!caller.gone && looks++ < LOOKS_AT_ONCE) {
                    talk(caller);
                }
            }
        }
        int count = Math.min(LOOKS_AT_ONCE, idle.size());
        for (int i = 0; i < count && freeSeats > 0 && !idle.isEmpty(); i++) {
            lookedAt = lookedAt + 1 < idle.size() ? lookedAt + 1 : 0;
            look(idle.get(lookedAt));
        }
    }

    private void look(Session session) {
        session.sitDown(seats[--freeSeats]);
        int got;
        try {
            got = session.reader.peek();
        } catch (IOException gone) {
            got = -1;
        }
        if (got > 0) {
            leaveIdle(session);
            watch(session, 0);
            toDataThread(session);
            return;
        }
        ByteBuffer seat = session.reader.standUp();
        if (seat != null) {
            seats[freeSeats++] = seat;
        }
        if (got < 0) {
            closeIdle(session);
        }
    }

    private void joinIdle(Session session) {
        session.idlePlace = idle.size();
        idle.add(session);
    }

    /** Its place goes to the last one. */
    private void leaveIdle(Session session) {
        int place = session.idlePlace;
        if (place >= 0) {
            session.idlePlace = -1;
            Session last = idle.removeLast();
            if (last != session) {
                idle.set(place, last);
                last.idlePlace = place;
            }
        }
    }

    @Override
    void ready(SelectionKey key) {
        Object who = key.attachment();
        if (!key.isValid()) {
            return;
        }
        if (who instanceof Listener listener) {
            accept(listener);
        } else if (who instanceof Caller caller) {
            talk(caller);
        } else if (who instanceof Session session) {
            lease(session);
        }
    }

    // ---- Clients before transmission. ----

    private void accept(Listener listener) {
        for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
            SocketChannel channel = null;
            try {
                channel = listener.channel().accept();
                if (channel == null) {
                    return;
                }
                welcome(listener, channel);
            } catch (IOException trouble) {
                if (channel != null) {
                    close(channel);
                } else {
                    server.countRefusedAccept();
                    if (SendReserve.isShortage(trouble)) {
                        server.noteShortage(clock.nanos());
                        reserve.release();
                    } else {
                        // No descriptor is left: the oldest caller makes room, and accepting rests for a moment.
                        dismissOldest();
                    }
                    pause(listener);
                    return;
                }
            }
        }
    }

    private void welcome(Listener listener, SocketChannel channel) throws IOException {
        channel.configureBlocking(false);
        listener.prepare(channel);
        if (callersThere >= limits.handshakes()) {
            dismissOldest();
        }
        long deadline = clock.nanos() + limits.handshakeMillis() * 1_000_000L;
        Caller caller = new Caller(channel, listener.isOurUser(channel), deadline);
        callers.add(caller);
        callersThere++;
        server.countAccepted();
        talk(caller);
    }

    private void pause(Listener listener) {
        acceptOn(listener, 0);
        if (!paused.contains(listener)) {
            paused.add(listener);
        }
        pausedUntilNanos = clock.nanos() + ACCEPT_PAUSE_NANOS;
    }

    private void acceptOn(Listener listener, int ops) {
        SelectionKey key = listener.channel().keyFor(selector);
        if (key != null && key.isValid()) {
            key.interestOps(ops);
        }
    }

    /** Goes on with one client's handshake as far as its socket allows. */
    private void talk(Caller caller) {
        try {
            Handshake handshake = caller.handshake;
            for (int i = 0; i < STEPS_AT_ONCE; i++) {
                ByteBuffer output = handshake.output();
                if (output.position() > 0) {
                    boolean refused = !send(caller.channel, output.flip());
                    output.compact();
                    if (refused) { // the socket can be written to all the time; what there is none of is memory
                        caller.key.interestOps(0);
                        callersRefused = true;
                        return;
                    }
                    if (output.position() > 0) {
                        caller.key.interestOps(SelectionKey.OP_WRITE);
                        return;
                    }
                    handshake.advance();
                    continue;
                }
                if (handshake.stage() == Handshake.Stage.TRANSMISSION) {
                    promote(caller);
                    return;
                }
                if (handshake.stage() == Handshake.Stage.ENDED || !handshake.wantsInput()) {
                    dismiss(caller);
                    return;
                }
                int got = caller.channel.read(handshake.input());
                if (got < 0) {
                    dismiss(caller);
                    return;
                }
                if (got == 0) {
                    caller.key.interestOps(SelectionKey.OP_READ);
                    return;
                }
                handshake.advance();
            }
            caller.key.interestOps(SelectionKey.OP_READ | SelectionKey.OP_WRITE);
        } catch (IOException gone) {
            dismiss(caller);
        }
    }

    /** Sends what the system takes; answers false where it has no memory: then nothing, and all is tried again soon. */
    private boolean send(SocketChannel channel, ByteBuffer output) throws IOException {
        while (true) {
            try {
                channel.write(output);
                return true;
            } catch (IOException refused) {
                if (!SendReserve.isShortage(refused)) {
                    throw refused;
                }
                server.noteShortage(clock.nanos());
                if (!reserve.release()) {
                    return false;
                }
            }
        }
    }

    private void dismiss(Caller caller) {
        if (!caller.gone) {
            leaveCallers(caller);
            close(caller.channel);
            if (caller.placeTaken) {
                server.leftForGood();
            }
        }
    }

    private void leaveCallers(Caller caller) {
        caller.gone = true;
        callersThere--;
        while (!callers.isEmpty() && callers.peekFirst().gone) {
            callers.removeFirst();
        }
    }

    private void dismissOldest() {
        Caller oldest = callers.peekFirst();
        if (oldest != null) {
            dismiss(oldest);
        }
    }

    private void dismissLate(long now) {
        Caller oldest = callers.peekFirst();
        while (oldest != null && now - oldest.deadlineNanos >= 0) {
            dismiss(oldest);
            oldest = callers.peekFirst();
        }
    }

    /** The handshake is over: from here on the client is a session. */
    private void promote(Caller caller) throws IOException {
        leaveCallers(caller);
        Session session = new Session(
                server,
                stock,
                this,
                caller.channel,
                caller.handshake,
                limits.requestsPerConnection(),
                limits.dataThreads());
        caller.key.attach(session);
        server.countSession();
        if (session.reader.hasEarlyRequests()) {
            caller.key.interestOps(0);
            lease(session);
        } else {
            joinIdle(session);
            caller.key.interestOps(SelectionKey.OP_READ);
        }
    }

    private static void close(SocketChannel channel) {
        try {
            channel.close();
        } catch (IOException alreadyGone) {
            // It is closed all the same.
            return;
        }
    }

    // ---- Sessions with nothing to do, and those that want a seat. ----

    /** A session comes back from a data thread. */
    @Override
    void visit(Session session) {
        ByteBuffer seat = session.reader.standUp();
        if (seat != null) {
            seats[freeSeats++] = seat;
        }
        if (session.closed) {
            return;
        }
        if (session.idlePlace < 0) {
            joinIdle(session);
            watch(session, SelectionKey.OP_READ);
        }
    }

    private void watch(Session session, int ops) {
        SelectionKey key = session.channel.keyFor(selector);
        if (key != null && key.isValid()) {
            key.interestOps(ops);
        }
    }

    /** A session has something to do. */
    private void lease(Session session) {
        leaveIdle(session);
        watch(session, 0);
        waiting.add(session);
        seatWaiting();
    }

    private void seatWaiting() {
        while (freeSeats > 0 && !waiting.isEmpty()) {
            Session session = waiting.remove();
            session.sitDown(seats[--freeSeats]);
            toDataThread(session);
        }
        server.waitingForSeats(waiting.size());
    }

    private void toDataThread(Session session) {
        DataThread thread = server.leastLoaded();
        thread.load.getAndIncrement();
        session.owner = thread;
        session.signal();
    }

    private void closeIdle(Session session) {
        leaveIdle(session);
        session.close();
    }

    @Override
    void leave() {
        reserve.close();
        while (!callers.isEmpty()) {
            dismiss(callers.peekFirst());
        }
        new ArrayList<>(idle).forEach(this::closeIdle);
        while (!waiting.isEmpty()) {
            waiting.remove().close();
        }
    }
}
