package redoubt.md;

import redoubt.workqueue.WorkItem;

/**
 * Who keeps the metadata of a running array. Called on the array's queue only; never blocks; answers by event, on the same queue, each
 * call exactly once. An event that comes while the metadata is being written waits its turn and is never lost.
 */
public interface MetadataKeeper {

    /** Records that writes may be under way. Answered when that is durable: the gate opens on it. */
    void markDirty(Answer answer);

    /** Records that mirrors agree and parity is right; makes all data durable first. */
    void markClean(Answer answer);

    /** Records on the survivors that the member in this slot has failed. */
    void recordFailure(int slot, Answer answer);

    /**
     * Whether somebody outside the engine makes the marks now: then the array shows what it wants in {@code array_state}, and is called clean
     * when that is stored there. Any thread.
     */
    default boolean keptOutside() {
        return false;
    }

    /**
     * Kept outside: {@code active-idle} is shown, since nothing has been written for the safe-mode delay, or {@code clean} was stored and could not be made
     * true. Writes pass all the same.
     */
    default void becameIdle() {}

    /**
     * Kept outside: whether all that was written is durable, so that a word may be shown which a daemon takes for consistent.
     *
     * @param writesBegun what {@link Array#writesBegun} says, with the gate shut or to be asked again
     */
    default boolean isDurable(long writesBegun) {
        return true;
    }

    /** Kept outside: flushes the members, and queues the step when that is through, in whatever way. The last step that was given is the one. */
    default void makeDurable(WorkItem next) {}

    /**
     * The array is about to show {@code inactive} or {@code broken}, which a daemon outside takes for consistent and marks clean. Called before the
     * word is shown.
     *
     * @param agreeing whether no write is under way, every failure is recorded, and the members are known to agree in all that was written; if not, nobody
     *     outside may say so any more
     */
    default void ending(boolean agreeing) {}

    /** Who waits for a record. */
    @FunctionalInterface
    interface Answer {
        /**
         * The record is durable on every member that is left, or could not be made on any.
         *
         * @param durable false: no member is left that could hold it
         */
        void recorded(boolean durable);
    }
}
