package redoubt.workqueue;

/**
 * Says that this thread is giving memory back, so that it may wait only for queues that have a rescuer. Entered and left by the same
 * thread, in a try-with-resources statement.
 */
public final class ReclaimScope implements AutoCloseable {

    private final Current current = Current.get();

    private ReclaimScope() {
        current.reclaiming++;
    }

    /** This thread reclaims memory until the scope is closed. */
    public static ReclaimScope enter() {
        return new ReclaimScope();
    }

    @Override
    public void close() {
        current.reclaiming--;
    }
}
