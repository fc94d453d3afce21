package redoubt.md;

/**
 * Who is told what happens to an array: attributes, event log. Called on the array's queue, in order; must not block.
 */
public interface ArrayListener {

    /** A new view was published. */
    void viewChanged(ArrayView before, ArrayView after);

    /**
     * Something happened that mdadm --monitor would report, in its word: {@code Fail}, {@code DegradedArray}, …
     *
     * @param member the member's name, or empty
     */
    void event(String word, String member);

    /** The state is to be looked at again, although it is the same: what stood in the way of the next one is over. Any thread. */
    default void stateToldAgain() {}

    /** A member that had failed was taken out of its slot. On the thread of whoever said so, which may wait for stores to end. */
    default void memberRemoved(int slot) {}
}
