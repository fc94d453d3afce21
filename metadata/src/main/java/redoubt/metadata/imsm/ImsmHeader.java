package redoubt.metadata.imsm;

import java.nio.charset.StandardCharsets;
import redoubt.metadata.Bytes;
import redoubt.metadata.LittleEndian;

/**
 * What stands before the tables of a metadata block, 0xD8 bytes (docs/FORMATS.md, "Header"). How many disks and volumes there are, how long
 * the block and its log are, and its sum, follow from the rest and are not kept here.
 *
 * <pre>
 *   0x00 signature and version (32)  0x20 check_sum (4)        0x24 mpb_size (4)        0x28 family_num (4)
 *   0x2C generation_num (4)          0x30 error_log_size (4)   0x34 attributes (4)      0x38 num_disks (1)
 *   0x39 num_raid_devs (1)           0x3A error_log_pos, fill  0x3C cache_size (4)      0x40 orig_family_num (4)
 *   0x44 pwr_cycle_count (4)         0x48 bbm_log_size (4)     0x4C num_raid_devs_created (2)  0x4E filler1 (2)
 *   0x50 creation_time (8)           0x58 filler (128)         0xD8 the tables
 * </pre>
 *
 * @param signature 32 bytes, {@value #SIGNATURE_TEXT} and the version
 * @param family family_num
 * @param generation generation_num, unsigned, one more with each write
 * @param errorLogSize kept as found
 * @param attributes see {@link ImsmAttributes}
 * @param errorLogPlace error_log_pos and fill, kept as found
 * @param cacheSize kept as found
 * @param originalFamily orig_family_num; 0 where an old tool never set it
 * @param powerCycles pwr_cycle_count
 * @param volumesCreated how many volumes there ever were
 * @param filler1 kept as found
 * @param creationTime seconds since 1970, 0 for unknown
 * @param filler kept as found
 */
public record ImsmHeader(
        Bytes signature,
        int family,
        int generation,
        int errorLogSize,
        int attributes,
        Bytes errorLogPlace,
        int cacheSize,
        int originalFamily,
        int powerCycles,
        int volumesCreated,
        int filler1,
        long creationTime,
        Bytes filler) {

    static final String SIGNATURE_TEXT = "Intel Raid ISM Cfg Sig. ";
    static final int SIGNATURE_TEXT_BYTES = 24;
    static final int SIGNATURE_BYTES = 32;
    static final String VERSION = "1.3.00";
    static final int BYTES = 0xD8;
    static final int FILLER_BYTES = 128;

    static final int CHECK_SUM_AT = 0x20;
    static final int MPB_SIZE_AT = 0x24;
    static final int FAMILY_AT = 0x28;
    static final int GENERATION_AT = 0x2C;
    static final int ERROR_LOG_SIZE_AT = 0x30;
    static final int ATTRIBUTES_AT = 0x34;
    static final int DISKS_AT = 0x38;
    static final int DEVS_AT = 0x39;
    static final int ERROR_LOG_PLACE_AT = 0x3A;
    static final int CACHE_SIZE_AT = 0x3C;
    static final int ORIGINAL_FAMILY_AT = 0x40;
    static final int POWER_CYCLES_AT = 0x44;
    static final int BBM_SIZE_AT = 0x48;
    static final int VOLUMES_CREATED_AT = 0x4C;
    static final int FILLER1_AT = 0x4E;
    static final int CREATION_TIME_AT = 0x50;
    static final int FILLER_AT = 0x58;

    private static final int ERROR_LOG_PLACE_BYTES = 2;

    static ImsmHeader read(byte[] block) {
        return new ImsmHeader(
                Bytes.of(block, 0, SIGNATURE_BYTES),
                LittleEndian.word(block, FAMILY_AT),
                LittleEndian.word(block, GENERATION_AT),
                LittleEndian.word(block, ERROR_LOG_SIZE_AT),
                LittleEndian.word(block, ATTRIBUTES_AT),
                Bytes.of(block, ERROR_LOG_PLACE_AT, ERROR_LOG_PLACE_BYTES),
                LittleEndian.word(block, CACHE_SIZE_AT),
                LittleEndian.word(block, ORIGINAL_FAMILY_AT),
                LittleEndian.word(block, POWER_CYCLES_AT),
                LittleEndian.u16(block, VOLUMES_CREATED_AT),
                LittleEndian.u16(block, FILLER1_AT),
                LittleEndian.long64(block, CREATION_TIME_AT),
                Bytes.of(block, FILLER_AT, FILLER_BYTES));
    }

    /** Writes what it keeps. */
    void write(byte[] block) {
        signature.copyTo(block, 0);
        LittleEndian.putWord(block, FAMILY_AT, family);
        LittleEndian.putWord(block, GENERATION_AT, generation);
        LittleEndian.putWord(block, ERROR_LOG_SIZE_AT, errorLogSize);
        LittleEndian.putWord(block, ATTRIBUTES_AT, attributes);
        errorLogPlace.copyTo(block, ERROR_LOG_PLACE_AT);
        LittleEndian.putWord(block, CACHE_SIZE_AT, cacheSize);
        LittleEndian.putWord(block, ORIGINAL_FAMILY_AT, originalFamily);
        LittleEndian.putWord(block, POWER_CYCLES_AT, powerCycles);
        LittleEndian.putU16(block, VOLUMES_CREATED_AT, volumesCreated);
        LittleEndian.putU16(block, FILLER1_AT, filler1);
        LittleEndian.putLong64(block, CREATION_TIME_AT, creationTime);
        filler.copyTo(block, FILLER_AT);
    }

    /** The header from which spares and containers begin. */
    static ImsmHeader fresh(int attributes, int powerCycles) {
        return new ImsmHeader(
                signature(VERSION),
                0,
                0,
                0,
                attributes,
                Bytes.zeros(ERROR_LOG_PLACE_BYTES),
                0,
                0,
                powerCycles,
                0,
                0,
                0,
                Bytes.zeros(FILLER_BYTES));
    }

    static Bytes signature(String version) {
        byte[] raw = new byte[SIGNATURE_BYTES];
        byte[] text = (SIGNATURE_TEXT + version).getBytes(StandardCharsets.ISO_8859_1);
        System.arraycopy(text, 0, raw, 0, text.length);
        return Bytes.of(raw);
    }

    /** The version text. */
    public String version() {
        byte[] raw = signature.toArray();
        int end = SIGNATURE_TEXT_BYTES;
        while (end < raw.length && raw[end] != 0) {
            end++;
        }
        return new String(raw, SIGNATURE_TEXT_BYTES, end - SIGNATURE_TEXT_BYTES, StandardCharsets.ISO_8859_1);
    }

    ImsmHeader withFamily(int newFamily, int newOriginal) {
        return new ImsmHeader(
                signature,
                newFamily,
                generation,
                errorLogSize,
                attributes,
                errorLogPlace,
                cacheSize,
                newOriginal,
                powerCycles,
                volumesCreated,
                filler1,
                creationTime,
                filler);
    }

    ImsmHeader withGeneration(int newGeneration) {
        return new ImsmHeader(
                signature,
                family,
                newGeneration,
                errorLogSize,
                attributes,
                errorLogPlace,
                cacheSize,
                originalFamily,
                powerCycles,
                volumesCreated,
                filler1,
                creationTime,
                filler);
    }

    ImsmHeader withAttributes(int newAttributes) {
        return new ImsmHeader(
                signature,
                family,
                generation,
                errorLogSize,
                newAttributes,
                errorLogPlace,
                cacheSize,
                originalFamily,
                powerCycles,
                volumesCreated,
                filler1,
                creationTime,
                filler);
    }

    /** With what the first volume, and each later one, changes; the version becomes the one that is written here. */
    ImsmHeader withCreation(int newAttributes, int newVolumesCreated, long newCreationTime) {
        return new ImsmHeader(
                signature(VERSION),
                family,
                generation,
                errorLogSize,
                newAttributes,
                errorLogPlace,
                cacheSize,
                originalFamily,
                powerCycles,
                newVolumesCreated,
                filler1,
                newCreationTime,
                filler);
    }
}
