package redoubt.nbd;

/**
 * How a remote export is opened as a disk. A value: start from {@link #DEFAULTS} and change what differs.
 *
 * @param connectMillis how long the first connection, with its handshake, may take
 * @param timeLimitNanos the age at which a request is given up and the member with it; until then requests that were not answered are sent
 *     again over new connections, if nothing that was written can be lost
 * @param inFlight how many requests the server has at a time
 * @param readOnly never write, whatever the server allows
 * @param ownServerToo whether an export of a server in this very process is taken: a member that is our own export waits for itself
 */
public record NbdClientOptions(
        int connectMillis, long timeLimitNanos, int inFlight, boolean readOnly, boolean ownServerToo) {

    /** Ten seconds to connect, 30 seconds for a request (as the kernel gives a disk), 64 requests in flight. */
    public static final NbdClientOptions DEFAULTS = new NbdClientOptions(10_000, 30_000_000_000L, 64, false, false);

    /** Checks that a client can be like this. */
    public NbdClientOptions {
        if (connectMillis < 1 || timeLimitNanos < 1 || inFlight < 1 || inFlight > 1024) {
            throw new IllegalArgumentException("no client can keep to " + connectMillis + " ms, " + timeLimitNanos
                    + " ns and " + inFlight + " requests");
        }
    }

    /** The same with another time limit for a request. */
    public NbdClientOptions withTimeLimitNanos(long changed) {
        return new NbdClientOptions(connectMillis, changed, inFlight, readOnly, ownServerToo);
    }

    /** The same with another time for the first connection. */
    public NbdClientOptions withConnectMillis(int changed) {
        return new NbdClientOptions(changed, timeLimitNanos, inFlight, readOnly, ownServerToo);
    }

    /** The same, writing or not. */
    public NbdClientOptions withReadOnly(boolean changed) {
        return new NbdClientOptions(connectMillis, timeLimitNanos, inFlight, changed, ownServerToo);
    }

    /** The same, taking exports of this process or not. */
    public NbdClientOptions withOwnServerToo(boolean changed) {
        return new NbdClientOptions(connectMillis, timeLimitNanos, inFlight, readOnly, changed);
    }
}
