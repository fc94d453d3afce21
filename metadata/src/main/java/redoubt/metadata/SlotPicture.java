package redoubt.metadata;

import java.util.OptionalInt;

/**
 * One place in a volume.
 *
 * @param slot the place, from 0
 * @param diskIndex index of the disk entry that the metadata names for it, where it names a usable one
 * @param disk the caller's number of the physical disk, where there is one
 * @param state what the member is worth
 * @param dataOffsetSectors first sector of the volume on this member
 * @param recoveredSectors when rebuilding: how many sectors of the component are good already
 */
public record SlotPicture(
        int slot,
        OptionalInt diskIndex,
        OptionalInt disk,
        SlotState state,
        long dataOffsetSectors,
        long recoveredSectors) {}
