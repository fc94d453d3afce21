package redoubt.metadata;

import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * A wish for a new volume.
 *
 * @param name name of the volume
 * @param level level
 * @param chunkBytes chunk in bytes, or empty for the format's default
 * @param memberSectors wished size on each member in 512-byte sectors, or empty for all there is
 * @param slots for each slot the caller's number of the disk, or empty for a member that is missing from the start
 * @param policy {@link ConsistencyPolicy#NONE} stands for the level's ordinary policy
 * @param assumeClean whether the members are taken to agree already
 */
public record VolumePlan(
        String name,
        RaidLevel level,
        OptionalInt chunkBytes,
        OptionalLong memberSectors,
        List<OptionalInt> slots,
        ConsistencyPolicy policy,
        boolean assumeClean) {

    /** Takes an unchangeable copy. */
    public VolumePlan {
        slots = List.copyOf(slots);
    }
}
