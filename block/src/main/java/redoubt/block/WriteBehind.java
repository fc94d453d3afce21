package redoubt.block;

import java.util.concurrent.atomic.AtomicLong;

/**
 * What lies between a write that was answered and the medium, for one disk.
 *
 * <p><b>How much.</b> A page cache takes gigabytes and then needs minutes for one flush, which nobody could tell from a disk that hangs. So
 * whoever finds more than {@link #LIMIT_BYTES} not yet forced, forces it before the next write.
 *
 * <p><b>What was lost.</b> Linux tells each open file once that data could not be written, drops that data, and calls the next flush a
 * success. Here a disk that has failed to keep something answers no flush with OK any more, until it is opened anew.
 *
 * <p>Any thread; no locks.
 */
final class WriteBehind {

    /** Some ten seconds of a rotating disk's time where it lies scattered, a tenth of a second where it does not. */
    static final long LIMIT_BYTES = 16 << 20;

    private final AtomicLong notForced = new AtomicLong();
    private volatile boolean lost;

    /** So much was written to the cache; answers whether it is time to force it. */
    boolean wrote(long bytes) {
        return notForced.addAndGet(bytes) >= LIMIT_BYTES;
    }

    /** What is there to be forced; to be asked before that begins. */
    long notForced() {
        return notForced.get();
    }

    /** So much of it was forced; may have been counted by another thread too. */
    void forced(long bytes) {
        if (notForced.addAndGet(-bytes) < 0) {
            notForced.set(0);
        }
    }

    /** Data that had been taken could not be kept. */
    void lose() {
        lost = true;
    }

    /** Whether data that had been taken is gone. */
    boolean hasLost() {
        return lost;
    }
}
