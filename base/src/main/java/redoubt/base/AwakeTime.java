package redoubt.base;

/**
 * Time in which this process ran. A machine is suspended, a virtual machine migrated, a process stopped: afterwards everything that waits
 * looks older than any limit, and none of it had a chance. So a wait for something outside is measured on this line, which grows by no
 * more than a step between two {@link #beat}s, however long the pause between them was.
 *
 * <p>One thread beats; any thread asks. No lock: an answer that meets a beat is at most one step off, and never says that more
 * time has gone by than has.
 */
public final class AwakeTime {

    private static final long LONGEST_STEP_NANOS = 1_000_000_000L;

    private final Clock clock;
    private final long stepNanos;
    private volatile long slept;
    private volatile long counted;

    /**
     * Begins to count.
     *
     * @param limitNanos what is going to be measured, in nanoseconds; a pause takes at most a quarter of it, and at most a second
     */
    public AwakeTime(Clock clock, long limitNanos) {
        this.clock = clock;
        this.stepNanos = Math.clamp(limitNanos / 4, 1, LONGEST_STEP_NANOS);
        this.counted = clock.nanos();
    }

    /** To be called again and again while something is waited for, by one thread. */
    @SuppressWarnings("NonAtomicVolatileUpdate") // by one thread
    public void beat() {
        long now = clock.nanos() - slept;
        long most = counted + stepNanos;
        if (now > most) {
            slept = slept + (now - most);
            now = most;
        }
        counted = now;
    }

    /** Nanoseconds on a line that never goes back by more than a step. */
    public long nanos() {
        return Math.min(clock.nanos() - slept, counted + stepNanos);
    }
}
