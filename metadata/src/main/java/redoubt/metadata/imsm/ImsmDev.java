package redoubt.metadata.imsm;

import redoubt.metadata.Bytes;
import redoubt.metadata.LittleEndian;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.Migration;

/**
 * A volume, 80 bytes and an {@link ImsmVol} (docs/FORMATS.md, "Volume").
 *
 * <pre>
 *    0 volume name (16)        16 size_low (4)      20 size_high (4)     24 status (4)
 *   28 reserved_blocks (4)     32 migr_priority, num_sub_vols, tid, cng_master_disk, cache_policy (2), cng_state, cng_sub_state
 *   40 my_vol_raid_dev_num (2) 42 nv_cache_mode, nv_cache_flags, nvc_vol_orig_family_num (4), nvc_vol_raid_dev_num (2)
 *   50 rwh_policy (1)          51 jd_serial (16)    67 filler (13)       80 vol
 * </pre>
 *
 * @param name 16 bytes, NUL padded
 * @param sizeSectors size for the user; counts 4096 bytes on 4096-byte disks
 * @param status the bits below
 * @param reservedBlocks kept as found
 * @param cloneFields bytes 32 to 39, kept as found
 * @param volumeId number that is unique in the container
 * @param cacheFields bytes 42 to 49, kept as found
 * @param rwhPolicy how the write hole is closed, see {@link ImsmPolicy}
 * @param journalSerial serial of a journaling drive, kept as found
 * @param filler kept as found
 * @param vol the moving part
 */
public record ImsmDev(
        Bytes name,
        long sizeSectors,
        int status,
        int reservedBlocks,
        Bytes cloneFields,
        int volumeId,
        Bytes cacheFields,
        int rwhPolicy,
        Bytes journalSerial,
        Bytes filler,
        ImsmVol vol) {

    static final int NAME_BYTES = 16;
    static final int CLONE_FIELDS_BYTES = 8;
    static final int CACHE_FIELDS_BYTES = 8;
    static final int JOURNAL_SERIAL_BYTES = 16;
    static final int FILLER_BYTES = 13;

    static final int READ_COALESCING = 0x04;
    static final int WRITE_COALESCING = 0x08;
    static final int VERIFY_AND_FIX = 0x80;

    private static final int HEADER_BYTES = 80;
    private static final int NAME_AT = 0;
    private static final int SIZE_LO_AT = 16;
    private static final int SIZE_HI_AT = 20;
    private static final int STATUS_AT = 24;
    private static final int RESERVED_AT = 28;
    private static final int CLONE_FIELDS_AT = 32;
    private static final int VOLUME_ID_AT = 40;
    private static final int CACHE_FIELDS_AT = 42;
    private static final int RWH_POLICY_AT = 50;
    private static final int JOURNAL_SERIAL_AT = 51;
    private static final int FILLER_AT = 67;
    private static final int VOL_AT = 80;

    /** Where the dirty mark stands. */
    static final int DIRTY_AT = VOL_AT + ImsmVol.DIRTY_AT;

    /** Where the first map begins. */
    static final int MAP_AT = VOL_AT + ImsmVol.MAP_AT;

    static ImsmDev read(ImsmMpb mpb, int at, int diskCount, int index) throws MetadataRefused {
        String what = "volume " + index;
        mpb.need(at, HEADER_BYTES, what);
        byte[] block = mpb.block();
        long size = mpb.scaled(
                LittleEndian.joined(block, at + SIZE_LO_AT, at + SIZE_HI_AT), at + SIZE_LO_AT, "size of " + what);
        if (size == 0) {
            throw mpb.refused("size of " + what, at + SIZE_LO_AT, "it is 0");
        }
        ImsmDev dev = new ImsmDev(
                Bytes.of(block, at + NAME_AT, NAME_BYTES),
                size,
                LittleEndian.word(block, at + STATUS_AT),
                LittleEndian.word(block, at + RESERVED_AT),
                Bytes.of(block, at + CLONE_FIELDS_AT, CLONE_FIELDS_BYTES),
                LittleEndian.u16(block, at + VOLUME_ID_AT),
                Bytes.of(block, at + CACHE_FIELDS_AT, CACHE_FIELDS_BYTES),
                LittleEndian.u8(block, at + RWH_POLICY_AT),
                Bytes.of(block, at + JOURNAL_SERIAL_AT, JOURNAL_SERIAL_BYTES),
                Bytes.of(block, at + FILLER_AT, FILLER_BYTES),
                ImsmVol.read(mpb, at + VOL_AT, diskCount, what));
        if (ImsmGeometry.of(dev).componentSectors() == 0) {
            throw mpb.refused("size of " + what, at + SIZE_LO_AT, "it is less than one chunk on each member");
        }
        return dev;
    }

    void write(byte[] block, int at, int unit) {
        name.copyTo(block, at + NAME_AT);
        LittleEndian.putJoined(block, at + SIZE_LO_AT, at + SIZE_HI_AT, sizeSectors / unit);
        LittleEndian.putWord(block, at + STATUS_AT, status);
        LittleEndian.putWord(block, at + RESERVED_AT, reservedBlocks);
        cloneFields.copyTo(block, at + CLONE_FIELDS_AT);
        LittleEndian.putU16(block, at + VOLUME_ID_AT, volumeId);
        cacheFields.copyTo(block, at + CACHE_FIELDS_AT);
        LittleEndian.putU8(block, at + RWH_POLICY_AT, rwhPolicy);
        journalSerial.copyTo(block, at + JOURNAL_SERIAL_AT);
        filler.copyTo(block, at + FILLER_AT);
        vol.write(block, at + VOL_AT, unit);
    }

    int bytes() {
        return HEADER_BYTES + vol.bytes();
    }

    /** The name up to its NUL. */
    public String nameText() {
        return ImsmSerial.text(name);
    }

    /** What is under way; a repair is stored as a verify with a status bit. */
    public Migration.Kind migration() {
        if (!vol.migrating()) {
            return Migration.Kind.NONE;
        }
        return switch (vol.migrationType()) {
            case ImsmVol.INIT -> Migration.Kind.INIT;
            case ImsmVol.REBUILD -> Migration.Kind.REBUILD;
            case ImsmVol.VERIFY -> (status & VERIFY_AND_FIX) != 0 ? Migration.Kind.REPAIR : Migration.Kind.VERIFY;
            case ImsmVol.GENERAL -> Migration.Kind.GENERAL;
            case ImsmVol.STATE_CHANGE -> Migration.Kind.STATE_CHANGE;
            default -> Migration.Kind.REPAIR;
        };
    }

    ImsmDev withVol(ImsmVol newVol) {
        return new ImsmDev(
                name,
                sizeSectors,
                status,
                reservedBlocks,
                cloneFields,
                volumeId,
                cacheFields,
                rwhPolicy,
                journalSerial,
                filler,
                newVol);
    }

    ImsmDev withStatus(int newStatus) {
        return new ImsmDev(
                name,
                sizeSectors,
                newStatus,
                reservedBlocks,
                cloneFields,
                volumeId,
                cacheFields,
                rwhPolicy,
                journalSerial,
                filler,
                vol);
    }

    ImsmDev withRwhPolicy(int newPolicy) {
        return new ImsmDev(
                name,
                sizeSectors,
                status,
                reservedBlocks,
                cloneFields,
                volumeId,
                cacheFields,
                newPolicy,
                journalSerial,
                filler,
                vol);
    }
}
