package redoubt.base;

import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * A {@link Heartbeat} with a thread of its own. The list of beats is copied when it changes and only read by the thread, so
 * registering never holds up a round. A beat that throws is counted and called again next time: one bad beat must not stop
 * the clock for the others.
 */
public final class ThreadHeartbeat implements Heartbeat, AutoCloseable {

    private final Clock clock = Clock.system();
    private final long periodNanos;
    private final CopyOnWriteArrayList<Beat> beats = new CopyOnWriteArrayList<>();
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
            Object[] round = beats.toArray();
            for (Object beat : round) {
                try {
                    ((Beat) beat).beat(now);
                } catch (RuntimeException | Error fault) {
                    faults.incrementAndGet();
                }
            }
            LockSupport.parkNanos(this, periodNanos);
        }
    }

    @Override
    public void register(Beat beat) {
        beats.add(beat);
    }

    @Override
    public void unregister(Beat beat) {
        beats.remove(beat);
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
