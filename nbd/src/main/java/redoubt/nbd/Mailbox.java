package redoubt.nbd;

import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import org.jspecify.annotations.Nullable;
import redoubt.block.IoCompletion;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;

/**
 * The requests of one session that have come back from the device and were not looked at yet. Any thread brings them, the session's owner
 * takes them; those that come back inside the owner's own call to the device go into a plain list instead.
 *
 * <p>When the session is closed the box is {@link #shut}: each request that still comes back is put away by whoever brings it, and the last one
 * gives up the client's place.
 */
final class Mailbox implements IoCompletion {

    private static final AtomicIntegerFieldUpdater<Mailbox> REMAINS =
            AtomicIntegerFieldUpdater.newUpdater(Mailbox.class, "remains");
    private static final AtomicReferenceFieldUpdater<Mailbox, @Nullable IoRequest> MAIL =
            AtomicReferenceFieldUpdater.newUpdater(Mailbox.class, IoRequest.class, "mail");

    /** Stands in the mailbox of a closed session. */
    private static final IoRequest SHUT = mark();

    private final Session session;
    private final NbdServer server;

    private volatile @Nullable IoRequest mail;

    /** Commands of a closed session that the device still has, and one for the closing itself. */
    @SuppressWarnings("UnusedVariable") // through its updater
    private volatile int remains;

    // The owner's, the oldest first.
    private @Nullable IoRequest inlineHead;
    private @Nullable IoRequest inlineTail;

    Mailbox(Session session, NbdServer server) {
        this.session = session;
        this.server = server;
    }

    private static IoRequest mark() {
        IoRequestPool one = new IoRequestPool(1);
        one.reserve(1);
        return one.take();
    }

    @Override
    public void completed(IoRequest request) {
        if (session.owner.isCurrent() && !session.closed) {
            request.next = null;
            if (inlineTail == null) {
                inlineHead = request;
            } else {
                inlineTail.next = request;
            }
            inlineTail = request;
            return;
        }
        while (true) {
            IoRequest first = mail;
            if (first == SHUT) {
                late(request);
                return;
            }
            request.next = first;
            if (MAIL.compareAndSet(this, first, request)) {
                session.signal();
                return;
            }
        }
    }

    /** Whether another thread has brought something. */
    boolean hasMail() {
        return mail != null;
    }

    /** The owner: takes all that other threads brought, linked through {@link IoRequest#next}. */
    @Nullable
    IoRequest takeMail() {
        return mail == null ? null : MAIL.getAndSet(this, null);
    }

    /** The owner: takes the oldest of what came back within its own calls. */
    @Nullable
    IoRequest takeInline() {
        IoRequest request = inlineHead;
        if (request != null) {
            inlineHead = request.next;
            if (inlineHead == null) {
                inlineTail = null;
            }
            request.next = null;
        }
        return request;
    }

    /** The owner, last of all: so many commands are with the device, and nobody will look at what comes of them. */
    void shut(int commandsLeft) {
        REMAINS.set(this, commandsLeft + 1);
        IoRequest request = MAIL.getAndSet(this, SHUT);
        while (request != null) {
            IoRequest next = request.next;
            request.next = null;
            late(request);
            request = next;
        }
        dropRemains();
    }

    /** A request of a closed session comes back: nobody waits for it but the memory it holds. */
    private void late(IoRequest request) {
        Command command = Command.of(request);
        request.free();
        if (command.closeOne()) {
            command.putAway();
            dropRemains();
        }
    }

    private void dropRemains() {
        if (REMAINS.decrementAndGet(this) == 0) {
            server.leftForGood();
        }
    }
}
