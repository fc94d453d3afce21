package redoubt.base;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * A {@link Heartbeat} with a thread of its own. The list of beats is copied when it changes and only read by the thread, so
 * registering never holds up a round, and a round allocates nothing. A beat that throws is counted and called again next time: one bad beat must not stop
 * the clock for the others.
 */
public final class ThreadHeartbeat implements Heartbeat, AutoCloseable {

    private final Clock clock = Clock.system();
    private final long periodNanos;
    private volatile Beat[] beats = {}; // replaced whole, under this
    private final AtomicLong faults = new AtomicLong();
    private final Thread thread;
    private volatile boolean closed;

    /**
     * Starts the thread.
     *
     * @param periodNanos time between two rounds, in nanoseconds
     */
    public ThreadHeartbeat(long periodNanos) {
        if (periodNanos <= 0) {
            throw new IllegalArgumentException("the period of a heartbeat is not positive: " + periodNanos);
        }
        this.periodNanos = periodNanos;
        this.thread = Threads.start("redoubt-heartbeat", this::run);
    }

    private void run() {
        while (!closed) {
            long now = clock.nanos();
            for (Beat beat : beats) {
                try {
                    beat.beat(now);
                } catch (RuntimeException | Error fault) {
                    faults.incrementAndGet();
                }
            }
            LockSupport.parkNanos(this, periodNanos);
        }
    }

    @Override
    public synchronized void register(Beat beat) {
        Beat[] longer = Arrays.copyOf(beats, beats.length + 1);
        longer[beats.length] = beat;
        beats = longer;
    }

    @Override
    public synchronized void unregister(Beat beat) {
        for (int i = 0; i < beats.length; i++) {
            if (beats[i].equals(beat)) {
                Beat[] shorter = Arrays.copyOf(beats, beats.length - 1);
                System.arraycopy(beats, i + 1, shorter, i, shorter.length - i);
                beats = shorter;
                return;
            }
        }
    }

    @Override
    public Clock clock() {
        return clock;
    }

    /** How many times a beat threw; anything but 0 is a bug. */
    public long faults() {
        return faults.get();
    }

    /** Ends the thread after the round under way; does not wait for it. */
    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
    }
}
