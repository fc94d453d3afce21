package redoubt.nbd;

/**
 * How a server is doing; counts are since its start.
 *
 * @param sessions clients in transmission
 * @param sessionsLimit how many there may be
 * @param busy clients that have requests in work, or had a moment ago
 * @param waiting clients that have requests and wait for a seat
 * @param accepted clients that connected
 * @param acceptsFailed times the system had no descriptor for one more
 * @param slow clients that were cut because they did not read or did not finish a message
 * @param requests requests received
 * @param bytesRead bytes asked for by READ
 * @param bytesWritten bytes sent by WRITE
 * @param faults errors in the server itself; anything but 0 is a bug
 * @param replyReserve whether every thread has memory in reserve for replies that the system has none for
 */
public record NbdServerStatus(
        int sessions,
        int sessionsLimit,
        int busy,
        int waiting,
        long accepted,
        long acceptsFailed,
        long slow,
        long requests,
        long bytesRead,
        long bytesWritten,
        long faults,
        boolean replyReserve) {}
