package redoubt.base;

/**
 * A context in which steps run, one at a time: a thread in production, a place in a single-step scheduler in simulation. The seam
 * through which threads and parking enter the rooms above.
 */
public interface Worker extends AutoCloseable {

    /**
     * Says that there may be something to do. Stores before this call are seen by a step that begins after it. Allocates nothing,
     * takes no lock, and may be called from any thread; many calls may lead to one step.
     */
    void wake();

    /** Whether the caller runs inside one of this worker's steps. */
    boolean isCurrent();

    /** No step begins after the one under way; does not wait for it. */
    @Override
    void close();
}
