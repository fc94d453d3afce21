package redoubt.nbd;

import java.io.IOException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import redoubt.base.AwakeTime;
import redoubt.base.Clock;
import redoubt.block.BlockLimits;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;

/**
 * The thread of an {@link NbdClient}: takes requests, keeps the time, connects again. What a request becomes on the way has its own
 * places: {@link Flights} chooses the commands, {@link CommandWriter} sends them, {@link AnswerReader} takes what comes back, {@link ClientLink} is
 * the connection, {@link Landmarks} recognizes who is at its other end. All fields, and those of these five, belong to the thread.
 *
 * <p>When the server breaks off, or says what no server may say, the connection is given up, and if no change can have been lost with it,
 * and the export is recognized, everything is asked again; a server that goes on like that runs into the time limit as one that says nothing.
 */
final class ClientLane {

    private static final int SLEEP_MILLIS = 20;

    private final NbdClient client;
    private final ClientLink link;
    private final Landmarks landmarks;
    private final Flights flights;
    private final CommandWriter commands;
    private final AnswerReader answers;
    private final Selector selector;
    private final AwakeTime time;
    private final long timeLimitNanos;
    private final Consumer<SelectionKey> whenReady = ClientLane::noticed;

    /** Requests for which there is no flight yet. */
    private @Nullable IoRequest pendingHead;

    private @Nullable IoRequest pendingTail;

    /** Whether the export at the other end of the connection is the one that we know. */
    private boolean confirmed;

    ClientLane(
            NbdClient client,
            NbdClient.Address address,
            RemoteExport remote,
            Selector selector,
            BlockLimits limits,
            NbdClientOptions options,
            AwakeTime time) {
        this.client = client;
        this.selector = selector;
        this.time = time;
        this.timeLimitNanos = options.timeLimitNanos();
        link = new ClientLink(address, remote, selector, limits, options, Clock.system());
        landmarks = new Landmarks(limits);
        flights = new Flights(options.inFlight(), limits.maxTransferBytes(), landmarks);
        commands = new CommandWriter(flights);
        answers = new AnswerReader(flights, limits.blockBytes());
    }

    private static void noticed(SelectionKey key) {}

    long reconnections() {
        return link.reconnections();
    }

    void run() {
        while (client.state() == NbdClient.OPEN) {
            try {
                turn();
            } catch (IOException | RuntimeException | Error lost) {
                // After a bug too: what is under way is asked again, or runs into its limit.
                disconnect();
            }
        }
        leave();
    }

    private void turn() throws IOException {
        adopt(client.takeInbox());
        expire();
        RemoteExport connected = link.remote();
        if (connected == null) {
            reconnect();
            return;
        }
        if (!confirmed) {
            recognize(connected);
        }
        flights.readLandmarks(connected, time.nanos());
        while (confirmed && flights.hasRoom() && pendingHead != null) {
            flights.begin(connected, takePending());
        }
        boolean wrote = commands.send(connected);
        boolean read = answers.receive(connected);
        if (!wrote && !read) {
            link.interest(commands.unsent() ? SelectionKey.OP_READ | SelectionKey.OP_WRITE : SelectionKey.OP_READ);
            rest();
        }
    }

    /** Asks what there is to ask when the export has turned out to be the one that we know. */
    private void recognize(RemoteExport connected) {
        if (landmarks.strange()) {
            client.abandon();
        } else if (landmarks.confirmed()) {
            confirmed = true;
            flights.askAgain(connected);
        }
    }

    private void rest() throws IOException {
        client.sleeps(true);
        if (client.inboxEmpty() && client.state() == NbdClient.OPEN) {
            selector.select(whenReady, SLEEP_MILLIS);
        }
        client.sleeps(false);
    }

    // ---- Requests come. ----

    private void adopt(@Nullable IoRequest first) {
        if (first == null) {
            return;
        }
        if (pendingTail == null) {
            pendingHead = first;
        } else {
            pendingTail.next = first;
        }
        IoRequest last = first;
        while (last.next != null) {
            last = last.next;
        }
        pendingTail = last;
    }

    private IoRequest takePending() {
        IoRequest request = pendingHead;
        if (request == null) {
            throw new IllegalStateException("no request is pending");
        }
        pendingHead = request.next;
        if (pendingHead == null) {
            pendingTail = null;
        }
        request.next = null;
        return request;
    }

    // ---- Time, and connections. ----

    /** Ends everything if a request is too old. */
    private void expire() {
        time.beat();
        long now = time.nanos();
        IoRequest waiting = pendingHead;
        if ((waiting != null && now - waiting.acceptedNanos > timeLimitNanos)
                || flights.anyOlderThan(timeLimitNanos, now)) {
            client.abandon();
        }
    }

    private void disconnect() {
        if (flights.mayHaveLostChanges() || landmarks.unrecognizable()) {
            // Whoever comes back under this name may not be what it was.
            client.abandon();
        }
        confirmed = false;
        link.disconnect();
        commands.forget();
        answers.forget();
        flights.connectionLost();
    }

    private void reconnect() throws IOException {
        if (!link.mayConnect()) {
            rest();
            return;
        }
        if (!link.connect(this::whileConnecting)) {
            client.abandon();
            return;
        }
        if (link.remote() != null) {
            landmarks.connected();
        }
    }

    private void whileConnecting() throws IOException {
        adopt(client.takeInbox());
        expire();
        if (client.state() != NbdClient.OPEN) {
            throw new IOException("nobody waits for the connection any more");
        }
    }

    /** The end: nothing touches the connection or the memory after this. */
    private void leave() {
        IoStatus asked = client.state() == NbdClient.ABANDONED ? IoStatus.TIMED_OUT : IoStatus.GONE;
        RemoteExport connected = link.remote();
        if (connected != null && flights.none() && !commands.unsent()) {
            commands.sayGoodbye(connected);
        }
        disconnect();
        flights.finishAll(asked);
        while (pendingHead != null) {
            takePending().complete(asked);
        }
        client.settleInbox();
        try {
            selector.close();
        } catch (IOException alreadyClosed) {
            return;
        }
    }
}
