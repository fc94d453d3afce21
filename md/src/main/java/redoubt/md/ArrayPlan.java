package redoubt.md;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What an array is made from, as assembly found it.
 *
 * @param name what users call it
 * @param componentBytes how much of each member the array uses
 * @param sizeBytes the array's size; at most the layout's capacity
 * @param blockBytes smallest unit of a request, at least the members' block
 * @param occupants who is in each slot
 * @param redundancyKnown whether the metadata says that mirrors agree and parity is right
 * @param markedDirty whether the metadata on the members says dirty: then writes pass at once
 * @param readOnly whether nothing is ever written, neither data nor metadata
 * @param safeModeDelayNanos how long after the last write the array is marked clean; 0: only when it is stopped
 * @param maxReadErrors how many places of a member may be unreadable before it is failed, if the level survives that; below 64
 * @param writeHoleAccepted whether the user accepts that what a lost member held is made from parity that is not known to be right
 */
public record ArrayPlan(
        String name,
        long componentBytes,
        long sizeBytes,
        int blockBytes,
        List<Occupant> occupants,
        boolean redundancyKnown,
        boolean markedDirty,
        boolean readOnly,
        long safeModeDelayNanos,
        int maxReadErrors,
        boolean writeHoleAccepted) {

    /** md's limit of read errors before a member is failed (Linux, drivers/md, MD_DEFAULT_MAX_CORRECTED_READ_ERRORS). */
    public static final int MAX_READ_ERRORS = 20;

    /** The delay that the IMSM tools set (mdadm, super-intel.c, container_content_imsm). */
    public static final long IMSM_SAFE_MODE_DELAY_NANOS = 4_000_000_000L;

    /** Copies the list. */
    public ArrayPlan {
        occupants = List.copyOf(occupants);
        if (occupants.isEmpty() || occupants.size() > ArrayView.SLOTS_LIMIT) {
            throw new IllegalArgumentException("an array of " + occupants.size() + " slots");
        }
    }

    /** A plan under which nothing is made from parity that is not known. */
    public ArrayPlan(
            String name,
            long componentBytes,
            long sizeBytes,
            int blockBytes,
            List<Occupant> occupants,
            boolean redundancyKnown,
            boolean markedDirty,
            boolean readOnly,
            long safeModeDelayNanos,
            int maxReadErrors) {
        this(
                name,
                componentBytes,
                sizeBytes,
                blockBytes,
                occupants,
                redundancyKnown,
                markedDirty,
                readOnly,
                safeModeDelayNanos,
                maxReadErrors,
                false);
    }

    /**
     * Who is in a slot.
     *
     * @param member the disk; null where nobody is
     */
    public record Occupant(@Nullable Member member, MemberState state) {}
}
