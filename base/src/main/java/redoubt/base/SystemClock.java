package redoubt.base;

import java.time.Instant;

/** The machine's clock; has no state and may be used from any thread. */
enum SystemClock implements Clock {
    INSTANCE;

    @Override
    public long nanos() {
        return System.nanoTime();
    }

    @Override
    public Instant wallTime() {
        return Instant.now();
    }
}
