package redoubt.nbd;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import org.jspecify.annotations.Nullable;

/**
 * One client in transmission: its connection, and who has it in hand. What is done for it has four parts, in the order in which a request
 * meets them:
 *
 * <ol>
 *   <li>{@link RequestReader} takes bytes from the socket and makes requests of them; {@link Terms} judges their headers.
 *   <li>{@link Execution} gives them to the device, and takes what came back.
 *   <li>{@link Mailbox} is where requests come back, on any thread.
 *   <li>{@link ReplyQueue} holds what can be answered until a {@link ReplyWriter} sends it.
 * </ol>
 *
 * <p><b>Who touches it.</b> A session has one owner at a time, the {@link Door} while it is idle and else the {@link DataThread} that leases
 * it; only the owner touches the socket, the fields marked O and the parts, but for the mailbox. Other threads put requests into the
 * mailbox and {@link #signal} the owner.
 *
 * <p><b>The end.</b> {@link #close} closes the socket and returns whatever the device does not have. The remains belong to nobody: they are put
 * away as they come back to the mailbox.
 */
final class Session {

    private static final AtomicIntegerFieldUpdater<Session> IN_INBOX =
            AtomicIntegerFieldUpdater.newUpdater(Session.class, "inInbox");

    final SocketChannel channel;
    final Terms terms;
    final RequestReader reader;
    final Execution execution;
    final ReplyQueue replies = new ReplyQueue();
    private final Mailbox mailbox;
    private final NbdServer server;
    private final @Nullable SelectionKey[] keys;

    volatile Loop owner;

    /** The next session in the inbox of a loop; belongs to that inbox. */
    @Nullable
    Session nextInInbox;

    @SuppressWarnings("UnusedVariable") // through its updater
    private volatile int inInbox;

    // All below: O.

    boolean closed;

    /** The owner's notes: the socket may have something, takes something again, or has refused to. */
    boolean readable;

    boolean writable;
    boolean blocked;

    /** Readable only because the owner looks now and then: its selector said nothing. */
    boolean onSuspicion;

    /** How often in a row there was something that the selector had not told of. */
    int untold;

    /** Where it is in the door's list of idle sessions; -1 if it is not. Only the door touches it. */
    int idlePlace = -1;

    /** Something is short in the server: look again soon, nobody will say when. */
    boolean starved;

    /** The system had no memory for a reply: the socket takes something, and yet nothing can be sent. */
    boolean sendRefused;

    /** Whether what the socket has can be looked at. */
    boolean takesBytes = true;

    /** A reply was begun that cannot be finished lawfully: the connection ends here. */
    boolean broken;

    private int interest;

    /** Since when the client owes us something: the rest of a message, or room for a reply. 0 if it does not. */
    long owingSinceNanos;

    long leasedNanos;
    long lastWorkNanos;

    Session(
            NbdServer server,
            Stock stock,
            Loop owner,
            SocketChannel channel,
            Handshake agreed,
            int requestsLimit,
            int loops) {
        this.server = server;
        this.owner = owner;
        this.channel = channel;
        Export export = agreed.chosen();
        export.clients.came();
        terms = new Terms(
                export,
                agreed.structured(),
                agreed.allocationContext(),
                Math.min(stock.partBytes, export.maxTransferBytes));
        mailbox = new Mailbox(this, server);
        execution = new Execution(terms, stock, mailbox, new HeldBuffers(stock.memory), replies);
        reader = new RequestReader(server, channel, terms, stock.commands, requestsLimit, execution, agreed.leftOver());
        keys = new SelectionKey[loops];
    }

    /** Any thread: has the owner look at this session. Whatever it is to find was stored before. */
    void signal() {
        if (IN_INBOX.compareAndSet(this, 0, 1)) {
            owner.deliver(this);
        }
    }

    /** The loop has taken it out of its inbox, and looks at it after this. */
    void leftInbox() {
        inInbox = 0;
    }

    // ---- The owner: what there is to do. ----

    void sitDown(ByteBuffer seat) {
        reader.sitDown(seat);
        readable = true;
    }

    /** Whether nothing is in work, nothing waits to go out and nothing lies in the seat. */
    boolean idle() {
        return execution.commandsInWork() == 0 && reader.isEmpty() && replies.isEmpty();
    }

    boolean hasMail() {
        return mailbox.hasMail();
    }

    boolean hasWork() {
        return readable || writable || mailbox.hasMail();
    }

    // ---- The owner: what its selector waits for. ----

    /** The session's key with the given loop; made the first time. */
    SelectionKey keyWith(Loop loop, int index) throws IOException {
        SelectionKey key = keys[index];
        if (key == null) {
            key = channel.register(loop.selector, 0, this);
            keys[index] = key;
            interest = 0;
        }
        return key;
    }

    void interest(SelectionKey key, int wanted) {
        if (interest != wanted) {
            interest = wanted;
            key.interestOps(wanted);
        }
    }

    /** There was something that the selector had not told of: what it watches is said to it anew. */
    void watchAnew(SelectionKey key, Loop loop) throws IOException {
        int wanted = interest;
        interest(key, 0);
        loop.look();
        interest(key, wanted);
    }

    /** What to wait for now. */
    int wantedInterest(RequestReader.Stop stop) {
        int wanted = blocked && !sendRefused ? SelectionKey.OP_WRITE : 0;
        return stop == RequestReader.Stop.WANTS_BYTES ? wanted | SelectionKey.OP_READ : wanted;
    }

    // ---- The end. ----

    /** The owner: ends the connection. What the device has is left to come back; everything else is returned now. */
    void close() {
        if (closed) {
            return;
        }
        execution.takeMail();
        closed = true;
        server.sessionEnded();
        terms.export().clients.left();
        try {
            channel.close();
        } catch (IOException alreadyGone) {
            server.countFault();
        }
        mailbox.shut(execution.putAwayAll(reader.cut()));
    }
}
