package redoubt.sim;

import java.time.Instant;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import redoubt.base.Beat;
import redoubt.base.Clock;
import redoubt.base.Heartbeat;

/**
 * A clock that stands still until it is told to go on, and the heartbeat that beats with it. One thread drives it; others may read the time, and register
 * and unregister beats. A beat that throws fails the test at once.
 */
public final class SteppedTime implements Clock, Heartbeat {

    private final List<Beat> beats = new CopyOnWriteArrayList<>();
    private final Instant start = Instant.parse("2026-01-01T00:00:00Z");
    private final AtomicLong nanos = new AtomicLong();

    /** Goes on by so many nanoseconds, at once, and beats once. */
    public void advance(long byNanos) {
        if (byNanos < 0) {
            throw new IllegalArgumentException("time does not go back: " + byNanos);
        }
        long now = nanos.addAndGet(byNanos);
        for (Beat beat : beats) {
            beat.beat(now);
        }
    }

    @Override
    public long nanos() {
        return nanos.get();
    }

    @Override
    public Instant wallTime() {
        return start.plusNanos(nanos.get());
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
        return this;
    }

    /** How many beats are registered: 0 when everything that watched something has let go. */
    public int registered() {
        return beats.size();
    }
}
