package redoubt.metadata.imsm;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import redoubt.metadata.Bytes;

/**
 * The metadata block of a container (specs §2.1): a header of 0xD8 bytes, the disk table, the volumes, the bad block log.
 *
 * <pre>
 *   0x00 signature and version (32)  0x20 check_sum (4)        0x24 mpb_size (4)        0x28 family_num (4)
 *   0x2C generation_num (4)          0x30 error_log_size (4)   0x34 attributes (4)      0x38 num_disks (1)
 *   0x39 num_raid_devs (1)           0x3A error_log_pos, fill  0x3C cache_size (4)      0x40 orig_family_num (4)
 *   0x44 pwr_cycle_count (4)         0x48 bbm_log_size (4)     0x4C num_raid_devs_created (2)  0x4E filler1 (2)
 *   0x50 creation_time (8)           0x58 filler (128)         0xD8 disk[num_disks], dev[num_raid_devs], ..., bad block log
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
 * @param disks the disk table
 * @param devs the volumes
 * @param unparsed bytes between the last volume and the bad block log, kept as found; none in what open tools write
 * @param badBlocks the bad block log, absent when its size is 0
 * @param slack bytes behind the block in its last sector, which no checksum covers
 */
public record ImsmSuper(
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
        Bytes filler,
        List<ImsmDisk> disks,
        List<ImsmDev> devs,
        Bytes unparsed,
        @Nullable ImsmBbmLog badBlocks,
        Bytes slack) {

    static final String SIGNATURE_TEXT = "Intel Raid ISM Cfg Sig. ";
    static final int SIGNATURE_TEXT_BYTES = 24;
    static final int SIGNATURE_BYTES = 32;
    static final String VERSION = "1.3.00";
    static final int HEADER_BYTES = 0xD8;
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

    /** Takes unchangeable copies of the lists. */
    public ImsmSuper {
        disks = List.copyOf(disks);
        devs = List.copyOf(devs);
    }

    /** Bytes of the block: mpb_size. */
    public int bytes() {
        int sum = HEADER_BYTES + ImsmDisk.BYTES * disks.size() + unparsed.length();
        for (ImsmDev dev : devs) {
            sum += dev.bytes();
        }
        return sum + (badBlocks == null ? 0 : badBlocks.bytes());
    }

    /** The block in its own order, whole sectors, with size and checksum right. */
    byte[] encode(int sectorBytes) {
        return ImsmBlock.encode(this, sectorBytes);
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

    static Bytes signature(String version) {
        byte[] raw = new byte[SIGNATURE_BYTES];
        byte[] text = (SIGNATURE_TEXT + version).getBytes(StandardCharsets.ISO_8859_1);
        System.arraycopy(text, 0, raw, 0, text.length);
        return Bytes.of(raw);
    }

    /** The number by which containers are told apart: the original family, or the family where an old tool never set it. */
    public int identity() {
        return originalFamily != 0 ? originalFamily : family;
    }

    /** Count of writes. */
    public long generationUnsigned() {
        return Integer.toUnsignedLong(generation);
    }

    /** Whether this is the private block of a pristine spare, or of a container without volumes. */
    boolean withoutVolumes() {
        return devs.isEmpty();
    }

    /** The first entry with this serial, or -1. */
    int indexOf(String serial) {
        for (int i = 0; i < disks.size(); i++) {
            if (disks.get(i).serialText().equals(serial)) {
                return i;
            }
        }
        return -1;
    }

    boolean generalMigrationRuns() {
        return devs.stream().anyMatch(dev -> dev.migration() == redoubt.metadata.Migration.Kind.GENERAL);
    }

    ImsmSuper withDisks(List<ImsmDisk> newDisks) {
        return new ImsmSuper(
                signature,
                family,
                generation,
                errorLogSize,
                attributes,
                errorLogPlace,
                cacheSize,
                originalFamily,
                powerCycles,
                volumesCreated,
                filler1,
                creationTime,
                filler,
                newDisks,
                devs,
                unparsed,
                badBlocks,
                slack);
    }

    ImsmSuper withDisk(int index, ImsmDisk disk) {
        List<ImsmDisk> changed = new ArrayList<>(disks);
        changed.set(index, disk);
        return withDisks(changed);
    }

    ImsmSuper withDevs(List<ImsmDev> newDevs) {
        return new ImsmSuper(
                signature,
                family,
                generation,
                errorLogSize,
                attributes,
                errorLogPlace,
                cacheSize,
                originalFamily,
                powerCycles,
                volumesCreated,
                filler1,
                creationTime,
                filler,
                disks,
                newDevs,
                unparsed,
                badBlocks,
                slack);
    }

    ImsmSuper withDev(int index, ImsmDev dev) {
        List<ImsmDev> changed = new ArrayList<>(devs);
        changed.set(index, dev);
        return withDevs(changed);
    }

    ImsmSuper withFamily(int newFamily, int newOriginal) {
        return new ImsmSuper(
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
                filler,
                disks,
                devs,
                unparsed,
                badBlocks,
                slack);
    }

    ImsmSuper withGeneration(int newGeneration) {
        return new ImsmSuper(
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
                filler,
                disks,
                devs,
                unparsed,
                badBlocks,
                slack);
    }

    ImsmSuper withAttributes(int newAttributes) {
        return new ImsmSuper(
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
                filler,
                disks,
                devs,
                unparsed,
                badBlocks,
                slack);
    }

    /** With a log, which is dropped together with its attribute when it is empty. */
    ImsmSuper withBadBlocks(ImsmBbmLog log) {
        boolean empty = log.entries().isEmpty();
        int newAttributes = empty ? attributes & ~ImsmAttributes.BBM : attributes | ImsmAttributes.BBM;
        return new ImsmSuper(
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
                filler,
                disks,
                devs,
                unparsed,
                empty ? null : log,
                slack);
    }

    /** With what the first volume, and each later one, changes in the header. */
    ImsmSuper withCreation(String version, int newAttributes, int newVolumesCreated, long newCreationTime) {
        return new ImsmSuper(
                signature(version),
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
                filler,
                disks,
                devs,
                unparsed,
                badBlocks,
                slack);
    }
}
