package redoubt.nbd;

import java.io.IOException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import redoubt.base.Threads;

/**
 * A thread of the server: it waits for sockets and for sessions that are handed to it, and does what they need.
 *
 * <p><b>The inbox.</b> A session is put into its owner's inbox when somebody wants the owner to look at it: a request came back on
 * another thread, or the session has a new owner. It is in at most one inbox at a time ({@link Session#signal}), so the inbox is a list
 * through the sessions themselves: pushed by compare-and-set, taken whole. A session that changed its owner meanwhile is passed on.
 *
 * <p><b>Waking.</b> Store to the inbox first, look at {@code asleep} second; the thread says it sleeps first and looks at its inbox
 * second. One of the two sees the other. And no sleep is longer than {@link #SLEEP_LIMIT_MILLIS}: a lost wake-up would cost that much.
 */
abstract class Loop {

    static final int SLEEP_LIMIT_MILLIS = 100;

    /** While the system is short of memory, and may not tell of what comes. */
    static final int SHORTAGE_SLEEP_MILLIS = 5;

    private static final AtomicReferenceFieldUpdater<Loop, @Nullable Session> INBOX =
            AtomicReferenceFieldUpdater.newUpdater(Loop.class, Session.class, "inbox");
    private static final AtomicIntegerFieldUpdater<Loop> ASLEEP =
            AtomicIntegerFieldUpdater.newUpdater(Loop.class, "asleep");

    final Selector selector;
    private final Consumer<SelectionKey> whenReady = this::ready;
    private final AtomicLong faults = new AtomicLong();
    private volatile @Nullable Thread thread;

    @SuppressWarnings("UnusedVariable") // through its updater
    private volatile @Nullable Session inbox;

    @SuppressWarnings("UnusedVariable") // through its updater
    private volatile int asleep;

    private volatile boolean ended;

    Loop() throws IOException {
        selector = Selector.open();
    }

    /** One round: look at what there is, do it, or sleep. */
    abstract void turn() throws IOException;

    /** A key of this loop's selector is ready. */
    abstract void ready(SelectionKey key);

    /** A session that was put into the inbox, and is owned by this loop. */
    abstract void visit(Session session);

    /** The thread is about to end. */
    abstract void leave();

    /** Gives back what the system gave; the thread is ending, or will never be. */
    final void abandon() {
        try {
            selector.close();
        } catch (IOException fault) {
            fault(fault);
        }
    }

    final void start(String name) {
        thread = Threads.start(name, this::run);
    }

    private void run() {
        while (!ended) {
            try {
                turn();
            } catch (IOException | RuntimeException | Error fault) {
                fault(fault);
            }
        }
        leave();
        abandon();
    }

    /** A bug, or a machine in trouble: counted, the first one shown, and the loop goes on. */
    final void fault(Throwable fault) {
        if (faults.getAndIncrement() == 0) {
            Thread current = Thread.currentThread();
            current.getUncaughtExceptionHandler().uncaughtException(current, fault);
        }
    }

    final long faults() {
        return faults.get();
    }

    final boolean isCurrent() {
        return Thread.currentThread() == thread;
    }

    final void end() {
        ended = true;
        selector.wakeup();
    }

    /** Waits for the thread to be gone, at most so long; answers whether it is. */
    final boolean join(long millis) throws InterruptedException {
        Thread started = thread;
        if (started == null) {
            return true;
        }
        started.join(Math.max(1, millis));
        return !started.isAlive();
    }

    /** Any thread: puts the session in, and wakes this loop if it sleeps. Only {@link Session#signal} calls it. */
    final void deliver(Session session) {
        while (true) {
            Session first = inbox;
            session.nextInInbox = first;
            if (INBOX.compareAndSet(this, first, session)) {
                break;
            }
        }
        wake();
    }

    /** Any thread: ends a sleep, or the next one before it begins. */
    final void wake() {
        if (asleep != 0 && ASLEEP.compareAndSet(this, 1, 0)) {
            selector.wakeup();
        }
    }

    /** Visits every session in the inbox; answers whether there was one. */
    final boolean takeInbox() {
        if (inbox == null) {
            return false;
        }
        Session session = INBOX.getAndSet(this, null);
        while (session != null) {
            Session next = session.nextInInbox;
            session.nextInInbox = null;
            session.leftInbox();
            if (session.owner == this) {
                visit(session);
            } else {
                session.signal();
            }
            session = next;
        }
        return true;
    }

    /** Looks at the sockets without waiting. */
    final void look() throws IOException {
        selector.selectNow(whenReady);
    }

    /** Waits for a socket or a visitor, at most so long. */
    final void sleep(long millis) throws IOException {
        asleep = 1;
        if (inbox != null || ended) {
            asleep = 0;
            selector.selectNow(whenReady);
            return;
        }
        selector.select(whenReady, Math.min(millis, SLEEP_LIMIT_MILLIS));
        asleep = 0;
    }
}
