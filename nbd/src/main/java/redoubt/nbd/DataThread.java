package redoubt.nbd;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import redoubt.base.Clock;
import redoubt.base.ReclaimSafe;
import redoubt.nbd.RequestReader.Stop;

/**
 * One of the threads that serve requests. It leases sessions from the {@link Door} while they have any: reads all that a socket has, carries
 * each request as far as it goes, and answers all that is answered in one write, before it looks at the next session.
 *
 * <p>Usually it has one session, or none. When more clients are busy than there are threads it has several and serves them in turn, a seat
 * full each; a thread that has two gives one to a thread that has none. A session that has been idle for {@link #LEASE_NANOS} goes
 * back to the door, sooner when somebody waits for its seat. No session is ever waited for: a client that reads slowly, or
 * a device that hangs, costs the session its turn and nobody else anything.
 *
 * <p><b>Spinning.</b> The next request of a client that sends one at a time comes within some 20 microseconds, which is less than it takes to
 * sleep and be woken. So when fewer sessions are leased than the machine has processors, the thread looks at the socket about a hundred
 * times before it sleeps; when that was in vain several times in a row it leaves it for a while.
 *
 * <p><b>Gathering.</b> A client with many requests in flight sends the next one as soon as it has an answer, and answers given one by one
 * cost both sides a system call each. So now and then the thread sees how many requests come before the client falls silent, and from then
 * on answers when it has half as many: the client works on one half while the other is served. For a client that sends one at a time that is
 * one, and nothing is held.
 */
final class DataThread extends Loop {

    private static final long LEASE_NANOS = 200_000_000L;
    private static final long TURN_WHEN_OTHERS_WAIT_NANOS = 20_000_000L;
    private static final long HOUSEKEEPING_NANOS = 50_000_000L;
    private static final int SPINS = 100;
    private static final int SPINS_IN_VAIN = 4;
    private static final int QUIET_TRIES = 20;
    private static final int PROBE_REQUESTS = 512;
    private static final int HOLD_BYTES = 64 << 10;
    private static final long SPIN_PAUSE_NANOS = 20_000_000L;
    private static final int STARVED_SLEEP_MILLIS = 1;

    /** Something may come between the look at the selector and the look at the socket: so often in a row it does not. */
    private static final int UNTOLD_BY_CHANCE = 1;

    private final NbdServer server;
    private final Clock clock;
    private final int index;
    private final long slowNanos;
    private final int processors = Runtime.getRuntime().availableProcessors();

    /** A view of all request memory, for this thread's reads, writes and copies. */
    final ByteBuffer memoryView;

    private final ReplyWriter writer;
    private final Session[] leases;
    private int leased;

    /** Sessions that the door has given to this thread and not got back; the door counts up, this thread down. */
    final AtomicInteger load = new AtomicInteger();

    private long nowNanos;
    private long keptHouseNanos;
    private int rounds;
    private int spinsLeft;
    private int inVain;
    private long noSpinUntilNanos;
    private boolean starving;
    private boolean mayHold;
    private int target = 1;
    private long probedAt;

    private final AtomicLong requests = new AtomicLong();
    private final AtomicLong bytesRead = new AtomicLong();
    private final AtomicLong bytesWritten = new AtomicLong();
    private final AtomicLong bytesSent = new AtomicLong();
    private long requestsHere;
    private long bytesReadHere;
    private long bytesWrittenHere;

    DataThread(NbdServer server, Stock stock, NbdLimits limits, Clock clock, SendReserve reserve, int index)
            throws IOException {
        this.server = server;
        this.clock = clock;
        this.index = index;
        this.slowNanos = limits.slowMillis() * 1_000_000L;
        this.memoryView = stock.memory.newView();
        this.writer = new ReplyWriter(stock.memory, reserve);
        this.leases = new Session[limits.seats()];
        this.nowNanos = clock.nanos();
    }

    @ReclaimSafe
    @Override
    void turn() throws IOException {
        nowNanos = clock.nanos();
        boolean worked = takeInbox();
        starving = false;
        for (int i = 0; i < leased; ) {
            Session session = leases[i];
            if (session.hasWork() || session.starved) {
                worked |= serve(session);
            }
            if (i < leased && leases[i] == session) {
                i++;
            }
        }
        if (nowNanos - keptHouseNanos > HOUSEKEEPING_NANOS || server.stopping()) {
            keptHouseNanos = nowNanos;
            keepHouse();
            if (leased > 0) {
                lookAtAll();
                return;
            }
        }
        if (worked) {
            if (spinsLeft < SPINS) {
                inVain = 0;
            }
            spinsLeft = maySpin() ? SPINS : 0;
            if (leased > 1 && (++rounds & 7) == 0) {
                look();
            }
            return;
        }
        if (spinsLeft > 0 && leased == 1) {
            spin();
            return;
        }
        boolean shortage = server.isShort(nowNanos);
        sleep(starving ? STARVED_SLEEP_MILLIS : shortage ? SHORTAGE_SLEEP_MILLIS : SLEEP_LIMIT_MILLIS);
        if (shortage) {
            lookAtAll();
        }
    }

    /**
     * Looks at every socket without being told. A watch that the system had no memory for does not exist, and the selector does not say so; nor does
     * it always come with another sign of a shortage.
     */
    private void lookAtAll() throws IOException {
        look();
        for (int i = 0; i < leased; i++) {
            if (!leases[i].readable) {
                leases[i].readable = true;
                leases[i].onSuspicion = true;
            }
        }
    }

    private boolean maySpin() {
        return leased == 1 && nowNanos - noSpinUntilNanos >= 0 && server.busySessions() < processors;
    }

    private void spin() {
        leases[0].readable = true;
        if (--spinsLeft == 0) {
            leases[0].readable = false;
            if (++inVain >= SPINS_IN_VAIN) {
                inVain = 0;
                noSpinUntilNanos = nowNanos + SPIN_PAUSE_NANOS;
            }
        }
    }

    @Override
    void ready(SelectionKey key) {
        if (key.attachment() instanceof Session session && key.isValid()) {
            int ops = key.readyOps();
            if ((ops & SelectionKey.OP_READ) != 0) {
                session.readable = true;
                session.onSuspicion = false;
                session.untold = 0;
            }
            session.writable |= (ops & SelectionKey.OP_WRITE) != 0;
        }
    }

    /** A session was leased to this thread, or one of its requests came back. */
    @Override
    void visit(Session session) {
        for (int i = 0; i < leased; i++) {
            if (leases[i] == session) {
                return;
            }
        }
        leases[leased++] = session;
        session.leasedNanos = nowNanos;
        session.lastWorkNanos = nowNanos;
        session.readable = true;
        session.writable = true;
    }

    /** Does what can be done for a session now; answers whether there was anything. */
    private boolean serve(Session session) {
        boolean worked = false;
        try {
            SelectionKey key = session.keyWith(this, index);
            worked = session.execution.takeMail();
            mayHold = leased == 1 && server.busySessions() < processors;
            long before = requestsHere;
            int got = 0;
            if (session.readable && session.takesBytes) {
                got = session.reader.read(memoryView);
                if (got < 0) {
                    close(session);
                    return true;
                }
                worked |= got > 0;
            }
            if (session.onSuspicion) {
                session.onSuspicion = false;
                if (got > 0 && ++session.untold > UNTOLD_BY_CHANCE) {
                    session.untold = 0;
                    session.watchAnew(key, this);
                    server.noteShortage(nowNanos);
                }
            }
            session.writable = false;
            Stop stop = carry(session);
            // One request a read is the rhythm of a client that waits for each answer: look again only when woken, or
            // spinning.
            worked |= requestsHere != before;
            session.readable = got > 0 && session.reader.inMidMessage();
            if (session.broken || (session.idle() && (stop == Stop.ENDS || server.stopping()))) {
                close(session);
                return true;
            }
            if (session.sendRefused) {
                server.noteShortage(nowNanos);
            }
            session.starved = stop == Stop.WANTS_STOCK || (session.blocked && session.sendRefused);
            starving |= session.starved;
            session.takesBytes = stop == Stop.WANTS_BYTES;
            session.interest(key, session.wantedInterest(stop));
            if (worked) {
                session.lastWorkNanos = nowNanos;
                publish();
            }
            owing(session, stop);
        } catch (IOException gone) {
            close(session);
        } catch (RuntimeException | Error bug) {
            fault(bug);
            close(session);
        }
        return worked;
    }

    /** Parses and answers until nothing more can be done without new bytes, memory or time. */
    private Stop carry(Session session) throws IOException {
        while (true) {
            boolean waits = session.execution.startWaiting();
            Stop stop = session.reader.parse(this);
            session.execution.takeMail();
            if (stop == Stop.WANTS_BYTES && mayHold) {
                stop = hold(session);
            }
            boolean finished = writer.flush(session);
            if (!finished || stop == Stop.WANTS_BYTES || stop == Stop.ENDS) {
                return waits && stop == Stop.WANTS_BYTES ? Stop.WANTS_STOCK : stop;
            }
        }
    }

    private Stop hold(Session session) throws IOException {
        Stop stop = Stop.WANTS_BYTES;
        if (requestsHere - probedAt > PROBE_REQUESTS) {
            target = Integer.MAX_VALUE;
        }
        int quiet = 0;
        while (stop == Stop.WANTS_BYTES
                && session.replies.count() < target
                && session.replies.count() > 0
                && session.replies.count() == session.execution.commandsInWork()
                && session.replies.readBytes() < HOLD_BYTES
                && !session.reader.inMidMessage()) {
            int got = session.reader.read(memoryView);
            if (got < 0) {
                session.reader.ended();
                return Stop.ENDS;
            }
            if (got == 0) {
                if (++quiet == QUIET_TRIES) {
                    break;
                }
            } else {
                quiet = 0;
                stop = session.reader.parse(this);
                session.execution.takeMail();
            }
        }
        if (target == Integer.MAX_VALUE) {
            target = Math.max(1, session.replies.count() / 2);
            probedAt = requestsHere;
        }
        return stop;
    }

    private void owing(Session session, Stop stop) {
        boolean dawdles = stop == Stop.WANTS_BYTES && session.reader.inMidMessage();
        if ((!session.blocked || session.sendRefused) && !dawdles) {
            session.owingSinceNanos = 0;
        } else if (session.owingSinceNanos == 0) {
            session.owingSinceNanos = nowNanos | 1;
        }
    }

    private void keepHouse() {
        if (!writer.reserve.refill()) {
            server.noteShortage(nowNanos);
        }
        boolean othersWait = server.sessionsWaitForSeats();
        for (int i = 0; i < leased; ) {
            Session session = leases[i];
            if (tooSlow(session, othersWait)) {
                server.countSlow();
                close(session);
            } else if (server.stopping()) {
                // Whatever has come is still answered, with "shutting down".
                session.readable = true;
                serve(session);
            } else if (session.idle() && !session.hasMail() && mayGo(session, othersWait)) {
                giveBack(session);
            }
            if (i < leased && leases[i] == session) {
                i++;
            }
        }
        if (leased > 1) {
            DataThread idle = server.threadWithNothing();
            if (idle != null && idle != this) {
                handOver(leases[leased - 1], idle);
            }
        }
    }

    private boolean tooSlow(Session session, boolean othersWait) {
        long patience = othersWait ? Math.min(slowNanos, 1_000_000_000L) : slowNanos;
        return session.owingSinceNanos != 0 && nowNanos - session.owingSinceNanos > patience;
    }

    private boolean mayGo(Session session, boolean othersWait) {
        long idleFor = nowNanos - session.lastWorkNanos;
        if (server.isShort(nowNanos) && !othersWait) {
            return false;
        }
        return idleFor > LEASE_NANOS || (othersWait && nowNanos - session.leasedNanos > TURN_WHEN_OTHERS_WAIT_NANOS);
    }

    private void handOver(Session session, DataThread other) {
        if (remove(session)) {
            load.getAndDecrement();
            other.load.getAndIncrement();
            session.owner = other;
            session.signal();
        }
    }

    private void giveBack(Session session) {
        if (remove(session)) {
            load.getAndDecrement();
            server.toDoor(session);
        }
    }

    private void close(Session session) {
        session.close();
        giveBack(session);
    }

    /** Takes a session from the leased ones, and its socket from this thread's selector. */
    private boolean remove(Session session) {
        for (int i = 0; i < leased; i++) {
            if (leases[i] == session) {
                leased--;
                leases[i] = leases[leased];
                if (!session.closed) {
                    try {
                        session.interest(session.keyWith(this, index), 0);
                    } catch (IOException gone) {
                        session.close();
                    }
                }
                return true;
            }
        }
        return false;
    }

    @Override
    void leave() {
        writer.reserve.close();
        while (leased > 0) {
            close(leases[leased - 1]);
        }
    }

    // ---- Counters: written here, read by whoever asks. ----

    void count(int type, long length) {
        requestsHere++;
        if (type == Wire.CMD_READ) {
            bytesReadHere += length;
        } else if (type == Wire.CMD_WRITE) {
            bytesWrittenHere += length;
        }
    }

    private void publish() {
        requests.lazySet(requestsHere);
        bytesRead.lazySet(bytesReadHere);
        bytesWritten.lazySet(bytesWrittenHere);
        bytesSent.lazySet(bytesSent.get() + writer.takeBytesSent());
    }

    long requests() {
        return requests.get();
    }

    long bytesRead() {
        return bytesRead.get();
    }

    long bytesWritten() {
        return bytesWritten.get();
    }
}
