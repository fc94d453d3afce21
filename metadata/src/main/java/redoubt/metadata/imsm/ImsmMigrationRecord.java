package redoubt.metadata.imsm;

import redoubt.metadata.LittleEndian;

/**
 * The record in the last sector of a disk that says how far a reshape has come, 128 bytes (docs/FORMATS.md, "Migration record"). Read only:
 * this engine does not reshape IMSM volumes.
 *
 * <pre>
 *    0 rec_status (4)             4 curr_migr_unit_lo (4)     8 family_num (4)        12 ascending_migr (4)
 *   16 blocks_per_unit (4)       20 dest_depth_per_unit (4)  24 ckpt_area_pba_lo (4)  28 dest_1st_member_lba_lo (4)
 *   32 num_migr_units_lo (4)     36 post_migr_vol_cap (4)    40 post_migr_vol_cap_hi (4)
 *   44 ckpt_read_disk_num (4)    48 curr_migr_unit_hi (4)    52 ckpt_area_pba_hi (4)
 *   56 dest_1st_member_lba_hi (4) 60 num_migr_units_hi (4)   64 filler (64)
 * </pre>
 *
 * On 4096-byte disks all that counts blocks is scaled by 8; what counts units is not.
 *
 * @param status 0 the source data is intact, 1 the data of the current unit is in the copy area
 * @param unit current unit
 * @param family family of the block it belongs to
 * @param ascending 1: from low to high, the only direction there is
 * @param blocksPerUnit sectors of the volume in a unit
 * @param depthPerUnit sectors that each member of the destination advances in a unit
 * @param copyAreaSector first sector of the copy area on each member
 * @param firstMemberSector place of the current unit on the members of the destination
 * @param units how many units there are
 * @param sizeAfterSectors size of the volume when all is done
 * @param readFromDisk member of the destination from which the record was read
 */
public record ImsmMigrationRecord(
        int status,
        long unit,
        int family,
        int ascending,
        long blocksPerUnit,
        long depthPerUnit,
        long copyAreaSector,
        long firstMemberSector,
        long units,
        long sizeAfterSectors,
        int readFromDisk) {

    static ImsmMigrationRecord read(byte[] sector, int unit) {
        return new ImsmMigrationRecord(
                LittleEndian.word(sector, 0),
                scaled(sector, 4, 48, 1),
                LittleEndian.word(sector, 8),
                LittleEndian.word(sector, 12),
                LittleEndian.u32(sector, 16) * unit,
                LittleEndian.u32(sector, 20) * unit,
                scaled(sector, 24, 52, unit),
                scaled(sector, 28, 56, unit),
                scaled(sector, 32, 60, 1),
                scaled(sector, 36, 40, unit),
                LittleEndian.word(sector, 44));
    }

    /** A number that no disk can hold is taken for the greatest there is: nobody checks it, and it must not come round as another. */
    private static long scaled(byte[] sector, int lowAt, int highAt, int unit) {
        long number = LittleEndian.joined(sector, lowAt, highAt);
        return number < 0 || number > Long.MAX_VALUE / unit ? Long.MAX_VALUE : number * unit;
    }
}
