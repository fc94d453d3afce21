package redoubt.metadata.imsm;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import redoubt.metadata.Bytes;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.MetadataRefused;

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

    /**
     * Decodes a block whose size is in range and whose checksum is right.
     *
     * @param block anchor and extension, in the block's own order, whole sectors
     * @throws MetadataRefused if what it says cannot be
     */
    static ImsmSuper decode(byte[] block, DiskGeometry geometry) throws MetadataRefused {
        int size = LittleEndian.word(block, MPB_SIZE_AT);
        ImsmMpb mpb = new ImsmMpb(block, size, geometry);
        int diskCount = LittleEndian.u8(block, DISKS_AT);
        int devCount = LittleEndian.u8(block, DEVS_AT);
        long bbmSize = LittleEndian.u32(block, BBM_SIZE_AT);
        if (bbmSize > size - HEADER_BYTES) {
            throw mpb.refused(
                    "bad block log", BBM_SIZE_AT, "it claims %d bytes of a block of %d".formatted(bbmSize, size));
        }
        int at = HEADER_BYTES;
        List<ImsmDisk> disks = new ArrayList<>(diskCount);
        for (int i = 0; i < diskCount; i++, at += ImsmDisk.BYTES) {
            disks.add(ImsmDisk.read(mpb, at, i));
        }
        List<ImsmDev> devs = new ArrayList<>(devCount);
        for (int i = 0; i < devCount; i++) {
            ImsmDev dev = ImsmDev.read(mpb, at, diskCount, i);
            ImsmExtents.check(mpb, at, disks, devs, dev, i);
            devs.add(dev);
            at += dev.bytes();
        }
        int bbmAt = size - (int) bbmSize;
        if (bbmAt < at) {
            throw mpb.refused("bad block log", BBM_SIZE_AT, "it lies over the volumes");
        }
        return new ImsmSuper(
                Bytes.of(block, 0, SIGNATURE_BYTES),
                LittleEndian.word(block, FAMILY_AT),
                LittleEndian.word(block, GENERATION_AT),
                LittleEndian.word(block, ERROR_LOG_SIZE_AT),
                LittleEndian.word(block, ATTRIBUTES_AT),
                Bytes.of(block, ERROR_LOG_PLACE_AT, 2),
                LittleEndian.word(block, CACHE_SIZE_AT),
                LittleEndian.word(block, ORIGINAL_FAMILY_AT),
                LittleEndian.word(block, POWER_CYCLES_AT),
                LittleEndian.u16(block, VOLUMES_CREATED_AT),
                LittleEndian.u16(block, FILLER1_AT),
                LittleEndian.long64(block, CREATION_TIME_AT),
                Bytes.of(block, FILLER_AT, FILLER_BYTES),
                disks,
                devs,
                Bytes.of(block, at, bbmAt - at),
                bbmSize == 0 ? null : ImsmBbmLog.read(mpb, bbmAt, (int) bbmSize),
                Bytes.of(block, size, block.length - size));
    }

    /** Bytes of the block: mpb_size. */
    public int bytes() {
        int sum = HEADER_BYTES + ImsmDisk.BYTES * disks.size() + unparsed.length();
        for (ImsmDev dev : devs) {
            sum += dev.bytes();
        }
        return sum + (badBlocks == null ? 0 : badBlocks.bytes());
    }

    /**
     * The block in its own order, whole sectors, with size and checksum right.
     *
     * @param sectorBytes 512 or 4096
     */
    byte[] encode(int sectorBytes) {
        int unit = sectorBytes / 512;
        int size = bytes();
        byte[] block = new byte[Math.ceilDiv(size, sectorBytes) * sectorBytes];
        signature.copyTo(block, 0);
        LittleEndian.putWord(block, MPB_SIZE_AT, size);
        LittleEndian.putWord(block, FAMILY_AT, family);
        LittleEndian.putWord(block, GENERATION_AT, generation);
        LittleEndian.putWord(block, ERROR_LOG_SIZE_AT, errorLogSize);
        LittleEndian.putWord(block, ATTRIBUTES_AT, attributes);
        LittleEndian.putU8(block, DISKS_AT, disks.size());
        LittleEndian.putU8(block, DEVS_AT, devs.size());
        errorLogPlace.copyTo(block, ERROR_LOG_PLACE_AT);
        LittleEndian.putWord(block, CACHE_SIZE_AT, cacheSize);
        LittleEndian.putWord(block, ORIGINAL_FAMILY_AT, originalFamily);
        LittleEndian.putWord(block, POWER_CYCLES_AT, powerCycles);
        LittleEndian.putWord(block, BBM_SIZE_AT, badBlocks == null ? 0 : badBlocks.bytes());
        LittleEndian.putU16(block, VOLUMES_CREATED_AT, volumesCreated);
        LittleEndian.putU16(block, FILLER1_AT, filler1);
        LittleEndian.putLong64(block, CREATION_TIME_AT, creationTime);
        filler.copyTo(block, FILLER_AT);
        writeTables(block, unit);
        if (size + slack.length() == block.length) {
            slack.copyTo(block, size);
        }
        LittleEndian.putWord(block, CHECK_SUM_AT, ImsmChecksum.of(block, size));
        return block;
    }

    private void writeTables(byte[] block, int unit) {
        int at = HEADER_BYTES;
        for (ImsmDisk disk : disks) {
            disk.write(block, at, unit);
            at += ImsmDisk.BYTES;
        }
        for (ImsmDev dev : devs) {
            dev.write(block, at, unit);
            at += dev.bytes();
        }
        unparsed.copyTo(block, at);
        if (badBlocks != null) {
            badBlocks.write(block, at + unparsed.length(), unit);
        }
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
