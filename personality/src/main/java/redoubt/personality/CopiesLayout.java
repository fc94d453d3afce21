package redoubt.personality;

import redoubt.md.Layout;

/** A layout that keeps data as copies and nothing else, one copy perhaps. */
public sealed interface CopiesLayout extends Layout permits NearLayout, FarLayout, ConcatenatedLayout, ZonedLayout {

    /** What {@link #held} answers where a long run of the array is no run on its members. */
    long IN_PIECES = -1;

    /** How many slots further the copies of the next chunk begin; the copies of one stand on neighbours. */
    int slotsToTheNextChunk();

    /**
     * How many of the array's first {@code end} bytes the slot holds. They are the first so many of its member, so a long run of the array is
     * one run on each member: from {@code held(slot, start)} to {@code held(slot, end)}. {@link #IN_PIECES} where that is not so.
     */
    long held(int slot, long end);

    /** Whether every slot holds every byte at its own place. */
    default boolean mirrorsAll() {
        return run(0) == Long.MAX_VALUE;
    }
}
