package redoubt.md;

import redoubt.block.IoRequest;

/**
 * How a level reads and writes. It owns no thread and never waits: it takes all children that a request needs, sends them, and is told
 * of their ends. It finds what it needs in its {@link PersonalityHost}, and the members in the view that it is handed.
 *
 * <p>A request is done again from the start when a member failed under it ({@link PersonalityHost#childrenSettled}); so every write must
 * be such that doing it twice, the second time on fewer members, leaves the right content.
 */
public interface Personality {

    /** What is always true of the level. */
    Traits traits();

    /**
     * Starts a request under a view: READ, WRITE, TRIM, WRITE_ZEROES or ALLOCATION. It ends in exactly one of
     * {@link PersonalityHost#childrenSettled}, {@link PersonalityHost#finished} and {@link PersonalityHost#waitForChildren}. Any thread.
     */
    void submit(IoRequest request, ArrayView view);

    /** Whether the array's content is whole with just these slots in sync: bit k is slot k. */
    boolean operational(long inSyncSlots);

    /** The array has become broken, and its view says so. On the array's queue. */
    default void broke() {}

    /** The array was stopped; nothing is in flight. */
    default void stop() {}
}
