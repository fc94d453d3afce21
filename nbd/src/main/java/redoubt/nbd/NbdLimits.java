package redoubt.nbd;

/**
 * Every bound of a server, fixed at construction; everything that these numbers count exists before the first client.
 *
 * @param connections clients in transmission at once; one more place is kept for the server's own user on a Unix socket
 * @param handshakes clients before transmission at once; at the limit the oldest of them makes room
 * @param handshakeMillis time from connection to transmission
 * @param dataThreads threads that serve requests
 * @param seats receive buffers, of {@value #SEAT_BYTES} bytes: how many clients can have requests in work at once
 * @param requests requests in work at once, over all clients
 * @param requestsPerConnection requests in work at once for one client
 * @param slowMillis time that a client has to take the reply, or to finish the message, that it is at
 */
public record NbdLimits(
        int connections,
        int handshakes,
        int handshakeMillis,
        int dataThreads,
        int seats,
        int requests,
        int requestsPerConnection,
        int slowMillis) {

    /** Size of a receive buffer. */
    public static final int SEAT_BYTES = 256 << 10;

    /** Checks that a server can live within these limits. */
    public NbdLimits {
        atLeast(1, connections, "connections");
        atLeast(1, handshakes, "handshakes");
        atLeast(1, handshakeMillis, "milliseconds for a handshake");
        atLeast(1, dataThreads, "data threads");
        atLeast(dataThreads, seats, "seats");
        atLeast(1, requests, "requests");
        atLeast(1, requestsPerConnection, "requests of a connection");
        atLeast(1, slowMillis, "milliseconds for a slow client");
    }

    private static void atLeast(int least, int value, String what) {
        if (value < least) {
            throw new IllegalArgumentException("an NBD server needs at least " + least + " " + what + ", not " + value);
        }
    }

    /** What {@code serve} uses: 1,024 clients, of which 32 can be busy at once, and a data thread for each processor up to 8. */
    public static NbdLimits standard() {
        int threads = Math.clamp(Runtime.getRuntime().availableProcessors(), 2, 8);
        return new NbdLimits(1024, 2048, 10_000, threads, 32, 2048, 256, 30_000);
    }

    /** The same with another number of connections. */
    public NbdLimits withConnections(int changed) {
        return new NbdLimits(
                changed, handshakes, handshakeMillis, dataThreads, seats, requests, requestsPerConnection, slowMillis);
    }

    /** The same with another number of clients in the handshake. */
    public NbdLimits withHandshakes(int changed) {
        return new NbdLimits(
                connections, changed, handshakeMillis, dataThreads, seats, requests, requestsPerConnection, slowMillis);
    }

    /** The same with another time for the handshake. */
    public NbdLimits withHandshakeMillis(int changed) {
        return new NbdLimits(
                connections, handshakes, changed, dataThreads, seats, requests, requestsPerConnection, slowMillis);
    }

    /** The same with other numbers of data threads and seats. */
    public NbdLimits withThreads(int changedThreads, int changedSeats) {
        return new NbdLimits(
                connections,
                handshakes,
                handshakeMillis,
                changedThreads,
                changedSeats,
                requests,
                requestsPerConnection,
                slowMillis);
    }

    /** The same with other numbers of requests. */
    public NbdLimits withRequests(int changed, int changedPerConnection) {
        return new NbdLimits(
                connections,
                handshakes,
                handshakeMillis,
                dataThreads,
                seats,
                changed,
                changedPerConnection,
                slowMillis);
    }

    /** The same with another patience for slow clients. */
    public NbdLimits withSlowMillis(int changed) {
        return new NbdLimits(
                connections, handshakes, handshakeMillis, dataThreads, seats, requests, requestsPerConnection, changed);
    }
}
