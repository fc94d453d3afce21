package redoubt.base;

import java.time.Instant;

/**
 * The only way time enters the house, so that a test can step it.
 *
 * <p>Any thread may ask. {@link #nanos()} never goes back and has no meaning but its differences; {@link #wallTime()} is
 * what the world calls the time, and may jump.
 */
public interface Clock {

    /** Nanoseconds on a line that never goes back. */
    long nanos();

    /** The time of day, for metadata and messages only: never for measuring a wait. */
    Instant wallTime();

    /** The machine's own clock. */
    static Clock system() {
        return SystemClock.INSTANCE;
    }
}
