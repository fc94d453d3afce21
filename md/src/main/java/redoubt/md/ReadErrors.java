package redoubt.md;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The places that a member could not read. A place counts once, however often it is met and by how long a read: two reads that overlap, and
 * failed, met the same place, which lies where they overlap. For each hour that has passed half of the places are forgotten
 * (Linux, drivers/md/raid10.c, check_decay_read_errors), the oldest first.
 *
 * <p>Any thread; nobody waits: who comes while another one counts is not counted among the places. The metadata room has the exact
 * record of bad blocks where a format keeps one; this only tells a disk that is dying from one with a few bad sectors.
 */
final class ReadErrors {

    private static final long HOUR_NANOS = 3_600_000_000_000L;

    private final AtomicInteger met = new AtomicInteger();
    private final AtomicBoolean counting = new AtomicBoolean();
    private final long[] from; // whoever counts
    private final long[] to; // whoever counts
    private int places; // whoever counts
    private long forgottenUpToNanos; // whoever counts

    /**
     * Makes an empty list.
     *
     * @param most how many places are told apart
     */
    ReadErrors(int most) {
        this.from = new long[most];
        this.to = new long[most];
    }

    /** How many reads failed. */
    int met() {
        return met.get();
    }

    /**
     * Counts a read that failed.
     *
     * @param start its first byte
     * @param end the byte behind it
     * @return how many places are known, at most as many as are told apart
     */
    int count(long start, long end, long nowNanos) {
        met.getAndIncrement();
        if (!counting.compareAndSet(false, true)) {
            return 0;
        }
        try {
            forget(nowNanos);
            for (int i = 0; i < places; i++) {
                if (start < to[i] && from[i] < end) {
                    from[i] = Math.max(from[i], start);
                    to[i] = Math.min(to[i], end);
                    return places;
                }
            }
            if (places < from.length) {
                from[places] = start;
                to[places] = end;
                places++;
            }
            return places;
        } finally {
            counting.set(false);
        }
    }

    private void forget(long nowNanos) {
        if (places == 0) {
            forgottenUpToNanos = nowNanos;
            return;
        }
        long hours = (nowNanos - forgottenUpToNanos) / HOUR_NANOS;
        if (hours <= 0) {
            return;
        }
        forgottenUpToNanos += hours * HOUR_NANOS;
        int kept = hours >= Integer.SIZE ? 0 : places >>> hours;
        int forgotten = places - kept;
        System.arraycopy(from, forgotten, from, 0, kept);
        System.arraycopy(to, forgotten, to, 0, kept);
        places = kept;
    }
}
