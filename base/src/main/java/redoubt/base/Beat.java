package redoubt.base;

/**
 * Something that wants to look at the clock now and then: a lane that watches its calls, a queue with delayed work.
 *
 * <p>All beats of a process share one thread, so a beat never blocks, never waits for a lock that is held across a wait, and
 * never does I/O: it looks, marks, and wakes somebody else.
 */
@FunctionalInterface
public interface Beat {

    /**
     * Called about once a period.
     *
     * @param nowNanos {@link Clock#nanos()} at the start of this round
     */
    void beat(long nowNanos);
}
