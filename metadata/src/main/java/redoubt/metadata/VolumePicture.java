package redoubt.metadata;

import java.util.List;
import java.util.OptionalLong;

/**
 * One volume, in md's terms.
 *
 * @param index place in the container, from 0
 * @param name as the metadata writes it, raw: print it through {@link Printable}
 * @param uuid the name of the volume that never changes while it has its place
 * @param level the level
 * @param layout md's layout number: RAID10 0x102 (two near copies), RAID5 0 (left-asymmetric), else 0
 * @param chunkBytes chunk in bytes; without meaning for RAID1
 * @param sizeSectors size for the user, in 512-byte sectors
 * @param componentSectors data on each member, in 512-byte sectors
 * @param slots all places, in order
 * @param dirty whether a write may have been in flight
 * @param recorded the state that the metadata records
 * @param computed what the slots add up to as they are now; one that is being filled counts as lost
 * @param migration the change under way
 * @param policy how it becomes consistent again
 * @param resyncFromSectors where a resync must start, in sectors of the component; empty when none is due
 * @param access what this engine may do with it
 */
public record VolumePicture(
        int index,
        String name,
        MdUuid uuid,
        RaidLevel level,
        int layout,
        int chunkBytes,
        long sizeSectors,
        long componentSectors,
        List<SlotPicture> slots,
        boolean dirty,
        VolumeState recorded,
        VolumeState computed,
        Migration migration,
        ConsistencyPolicy policy,
        OptionalLong resyncFromSectors,
        VolumeAccess access) {

    /** Takes an unchangeable copy of the slots. */
    public VolumePicture {
        slots = List.copyOf(slots);
    }
}
