package redoubt.metadata;

import java.util.List;
import java.util.OptionalInt;
import redoubt.base.Extent;

/**
 * One place in a volume.
 *
 * @param slot the place, from 0
 * @param diskIndex index of the disk entry that the metadata names for it, where it names a usable one
 * @param disk the caller's number of the physical disk, where there is one
 * @param state what the member is worth
 * @param dataOffsetSectors first sector of the volume on this member
 * @param dataSectors how much of this member there is for the volume, from there on; 0 where nobody can say, since it is not here
 * @param recoveredSectors when rebuilding: how many sectors of the component are good already
 * @param badBlocks what is recorded as not to be read on this member, in bytes from the start of the disk: a write failed there, so it may
 *     read as something old
 */
public record SlotPicture(
        int slot,
        OptionalInt diskIndex,
        OptionalInt disk,
        SlotState state,
        long dataOffsetSectors,
        long dataSectors,
        long recoveredSectors,
        List<Extent> badBlocks) {

    /** Takes an unchangeable copy. */
    public SlotPicture {
        badBlocks = List.copyOf(badBlocks);
    }
}
