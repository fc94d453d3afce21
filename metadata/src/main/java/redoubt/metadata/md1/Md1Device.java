package redoubt.metadata.md1;

import redoubt.metadata.MdUuid;

/**
 * What a superblock says of the disk that it stands on.
 *
 * @param dataOffset sector on which the array's data begins
 * @param dataSize sectors that there are for it
 * @param superOffset sector on which the superblock stands
 * @param recoveryOffset sectors that are good while the member is filled; of a journal, its tail
 * @param number permanent index in the table of roles; not the role
 * @param correctedReads kept as found
 * @param uuid of this disk
 * @param flags 1 write-mostly, 2 failfast
 * @param badBlockShift an entry of the log counts in 2 to the power of this sectors
 * @param badBlockSectors sectors that the log has
 * @param badBlockOffset signed, sectors from the superblock to the log
 */
public record Md1Device(
        long dataOffset,
        long dataSize,
        long superOffset,
        long recoveryOffset,
        int number,
        int correctedReads,
        MdUuid uuid,
        int flags,
        int badBlockShift,
        int badBlockSectors,
        int badBlockOffset) {}
