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

    private static final long LONGEST_STEP_NANOS = 250_000_000L;
    private static final int LEAST_STEPS = 8;
    private static final int MOST_STEPS = 10_000;

    private final List<Beat> beats = new CopyOnWriteArrayList<>();
    private final Instant start = Instant.parse("2026-01-01T00:00:00Z");
    private final AtomicLong nanos = new AtomicLong();

    /** Goes on by so many nanoseconds, at once, and beats as often as a process does that runs all the while. */
    public void advance(long byNanos) {
        long steps = Math.clamp(byNanos / LONGEST_STEP_NANOS, LEAST_STEPS, MOST_STEPS);
        long gone = 0;
        for (long step = 1; step <= steps; step++) {
            long until = byNanos / steps * step + byNanos % steps * step / steps;
            pause(until - gone);
            gone = until;
        }
    }

    /** Goes on as when the machine was suspended: by so many nanoseconds, with one beat behind them. */
    public void pause(long byNanos) {
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
