package redoubt.metadata.md1;

import java.util.ArrayList;
import java.util.List;
import redoubt.metadata.Bytes;
import redoubt.metadata.LittleEndian;
import redoubt.metadata.MdUuid;

/**
 * The superblock of md 1.0, 1.1 and 1.2, field by field (docs/FORMATS.md, "Superblock 1"). The sum and the two fillers, which are zero in every
 * superblock that is read, follow from the rest and are not kept. Sectors have 512 bytes.
 *
 * <pre>
 *   0 magic a92b4efc (4)    4 major 1 (4)         8 feature_map (4)      12 pad (4)            16 set_uuid (16)
 *  32 set_name (32)        64 ctime (8)          72 level (4)           76 layout (4)          80 size (8)
 *  88 chunksize (4)        92 raid_disks (4)     96 bitmap_offset (4), or PPL: offset (2) size (2)
 * 100 new_level (4)       104 reshape_position (8)                     112 delta_disks (4)   116 new_layout (4)
 * 120 new_chunk (4)       124 new_offset (4)    128 data_offset (8)    136 data_size (8)     144 super_offset (8)
 * 152 recovery_offset (8) 160 dev_number (4)    164 cnt_corrected (4)  168 device_uuid (16)  184 devflags (1)
 * 185 bblog_shift (1)     186 bblog_size (2)    188 bblog_offset (4)   192 utime (8)         200 events (8)
 * 208 resync_offset (8)   216 sb_csum (4)       220 max_dev (4)        224 logical_block_size (4)
 * 228 pad (28)            256 dev_roles (2 each)
 * </pre>
 *
 * @param features see {@link Md1Feature}
 * @param array set_uuid
 * @param name 32 bytes, NUL padded
 * @param createdAt ctime: low 40 bits seconds since 1970, the rest microseconds
 * @param level md's number, signed
 * @param layout md's number
 * @param size sectors of each member that the array uses; without meaning for linear and RAID0
 * @param chunkSectors unsigned
 * @param raidDisks how many slots there are
 * @param bitmapOffset signed, sectors from the superblock; with PPL two halves
 * @param reshape the change under way
 * @param device what is said of this disk
 * @param updatedAt utime, as {@code createdAt}
 * @param events count of changes, unsigned
 * @param resyncOffset {@link #IN_SYNC}, or the sector of the component from which redundancy is not known
 * @param logicalBlockBytes 0 where it is not set
 * @param roles by number: {@link #SPARE}, {@link #FAULTY}, {@link #JOURNAL} or the slot
 */
public record Md1Superblock(
        int features,
        MdUuid array,
        Bytes name,
        long createdAt,
        int level,
        int layout,
        long size,
        int chunkSectors,
        int raidDisks,
        int bitmapOffset,
        Md1Reshape reshape,
        Md1Device device,
        long updatedAt,
        long events,
        long resyncOffset,
        int logicalBlockBytes,
        List<Integer> roles) {

    /** What is read at once; no superblock is longer. */
    public static final int BLOCK_BYTES = 4096;

    /** resync_offset of an array that is clean. */
    public static final long IN_SYNC = -1;

    static final int SPARE = 0xFFFF;
    static final int FAULTY = 0xFFFE;
    static final int JOURNAL = 0xFFFD;
    static final int SLOTS_END = 0xFF00;

    static final int MAGIC = 0xA92B4EFC;
    static final int MAJOR = 1;
    static final int HEADER_BYTES = 256;
    static final int ROLES_MAX = (BLOCK_BYTES - HEADER_BYTES) / 2;

    static final int MAGIC_AT = 0;
    static final int MAJOR_AT = 4;
    static final int FEATURES_AT = 8;
    static final int PAD0_AT = 12;
    static final int ARRAY_AT = 16;
    static final int NAME_AT = 32;
    static final int NAME_BYTES = 32;
    static final int CREATED_AT = 64;
    static final int LEVEL_AT = 72;
    static final int LAYOUT_AT = 76;
    static final int SIZE_AT = 80;
    static final int CHUNK_AT = 88;
    static final int RAID_DISKS_AT = 92;
    static final int BITMAP_OFFSET_AT = 96;
    static final int NEW_LEVEL_AT = 100;
    static final int RESHAPE_POSITION_AT = 104;
    static final int DELTA_DISKS_AT = 112;
    static final int NEW_LAYOUT_AT = 116;
    static final int NEW_CHUNK_AT = 120;
    static final int NEW_OFFSET_AT = 124;
    static final int DATA_OFFSET_AT = 128;
    static final int DATA_SIZE_AT = 136;
    static final int SUPER_OFFSET_AT = 144;
    static final int RECOVERY_OFFSET_AT = 152;
    static final int NUMBER_AT = 160;
    static final int CORRECTED_READS_AT = 164;
    static final int DEVICE_UUID_AT = 168;
    static final int FLAGS_AT = 184;
    static final int BAD_BLOCK_SHIFT_AT = 185;
    static final int BAD_BLOCK_SIZE_AT = 186;
    static final int BAD_BLOCK_OFFSET_AT = 188;
    static final int UPDATED_AT = 192;
    static final int EVENTS_AT = 200;
    static final int RESYNC_OFFSET_AT = 208;
    static final int SUM_AT = 216;
    static final int ROLES_COUNT_AT = 220;
    static final int LOGICAL_BLOCK_AT = 224;
    static final int PAD3_AT = 228;
    static final int PAD3_BYTES = 28;

    private static final int UUID_BYTES = 16;

    /** Takes an unchangeable copy. */
    public Md1Superblock {
        roles = List.copyOf(roles);
        if (roles.size() > ROLES_MAX || name.length() != NAME_BYTES) {
            throw new IllegalArgumentException(
                    "a superblock with %d roles and a name of %d bytes".formatted(roles.size(), name.length()));
        }
    }

    /** Reads the fields of a block of which magic, version, length and sum were found right. What they mean is not looked at. */
    static Md1Superblock decode(byte[] block) {
        int count = LittleEndian.word(block, ROLES_COUNT_AT);
        List<Integer> roles = new ArrayList<>(count);
        for (int number = 0; number < count; number++) {
            roles.add(LittleEndian.u16(block, HEADER_BYTES + 2 * number));
        }
        return new Md1Superblock(
                LittleEndian.word(block, FEATURES_AT),
                uuid(block, ARRAY_AT),
                Bytes.of(block, NAME_AT, NAME_BYTES),
                LittleEndian.long64(block, CREATED_AT),
                LittleEndian.word(block, LEVEL_AT),
                LittleEndian.word(block, LAYOUT_AT),
                LittleEndian.long64(block, SIZE_AT),
                LittleEndian.word(block, CHUNK_AT),
                LittleEndian.word(block, RAID_DISKS_AT),
                LittleEndian.word(block, BITMAP_OFFSET_AT),
                new Md1Reshape(
                        LittleEndian.word(block, NEW_LEVEL_AT),
                        LittleEndian.long64(block, RESHAPE_POSITION_AT),
                        LittleEndian.word(block, DELTA_DISKS_AT),
                        LittleEndian.word(block, NEW_LAYOUT_AT),
                        LittleEndian.word(block, NEW_CHUNK_AT),
                        LittleEndian.word(block, NEW_OFFSET_AT)),
                new Md1Device(
                        LittleEndian.long64(block, DATA_OFFSET_AT),
                        LittleEndian.long64(block, DATA_SIZE_AT),
                        LittleEndian.long64(block, SUPER_OFFSET_AT),
                        LittleEndian.long64(block, RECOVERY_OFFSET_AT),
                        LittleEndian.word(block, NUMBER_AT),
                        LittleEndian.word(block, CORRECTED_READS_AT),
                        uuid(block, DEVICE_UUID_AT),
                        LittleEndian.u8(block, FLAGS_AT),
                        LittleEndian.u8(block, BAD_BLOCK_SHIFT_AT),
                        LittleEndian.u16(block, BAD_BLOCK_SIZE_AT),
                        LittleEndian.word(block, BAD_BLOCK_OFFSET_AT)),
                LittleEndian.long64(block, UPDATED_AT),
                LittleEndian.long64(block, EVENTS_AT),
                LittleEndian.long64(block, RESYNC_OFFSET_AT),
                LittleEndian.word(block, LOGICAL_BLOCK_AT),
                roles);
    }

    private static MdUuid uuid(byte[] block, int at) {
        return new MdUuid(Bytes.of(block, at, UUID_BYTES), MdUuid.Groups.BYTES);
    }

    /** How many bytes the sum covers. */
    int bytes() {
        return HEADER_BYTES + 2 * roles.size();
    }

    /** The superblock as it stands on the disk, sum included; zeroes fill the last sector of {@code sectorBytes}. */
    public byte[] encode(int sectorBytes) {
        byte[] block = new byte[Math.ceilDiv(bytes(), sectorBytes) * sectorBytes];
        LittleEndian.putWord(block, MAGIC_AT, MAGIC);
        LittleEndian.putWord(block, MAJOR_AT, MAJOR);
        LittleEndian.putWord(block, FEATURES_AT, features);
        array.bytes().copyTo(block, ARRAY_AT);
        name.copyTo(block, NAME_AT);
        LittleEndian.putLong64(block, CREATED_AT, createdAt);
        LittleEndian.putWord(block, LEVEL_AT, level);
        LittleEndian.putWord(block, LAYOUT_AT, layout);
        LittleEndian.putLong64(block, SIZE_AT, size);
        LittleEndian.putWord(block, CHUNK_AT, chunkSectors);
        LittleEndian.putWord(block, RAID_DISKS_AT, raidDisks);
        LittleEndian.putWord(block, BITMAP_OFFSET_AT, bitmapOffset);
        LittleEndian.putWord(block, NEW_LEVEL_AT, reshape.newLevel());
        LittleEndian.putLong64(block, RESHAPE_POSITION_AT, reshape.position());
        LittleEndian.putWord(block, DELTA_DISKS_AT, reshape.deltaDisks());
        LittleEndian.putWord(block, NEW_LAYOUT_AT, reshape.newLayout());
        LittleEndian.putWord(block, NEW_CHUNK_AT, reshape.newChunkSectors());
        LittleEndian.putWord(block, NEW_OFFSET_AT, reshape.newOffset());
        LittleEndian.putLong64(block, DATA_OFFSET_AT, device.dataOffset());
        LittleEndian.putLong64(block, DATA_SIZE_AT, device.dataSize());
        LittleEndian.putLong64(block, SUPER_OFFSET_AT, device.superOffset());
        LittleEndian.putLong64(block, RECOVERY_OFFSET_AT, device.recoveryOffset());
        LittleEndian.putWord(block, NUMBER_AT, device.number());
        LittleEndian.putWord(block, CORRECTED_READS_AT, device.correctedReads());
        device.uuid().bytes().copyTo(block, DEVICE_UUID_AT);
        LittleEndian.putU8(block, FLAGS_AT, device.flags());
        LittleEndian.putU8(block, BAD_BLOCK_SHIFT_AT, device.badBlockShift());
        LittleEndian.putU16(block, BAD_BLOCK_SIZE_AT, device.badBlockSectors());
        LittleEndian.putWord(block, BAD_BLOCK_OFFSET_AT, device.badBlockOffset());
        LittleEndian.putLong64(block, UPDATED_AT, updatedAt);
        LittleEndian.putLong64(block, EVENTS_AT, events);
        LittleEndian.putLong64(block, RESYNC_OFFSET_AT, resyncOffset);
        LittleEndian.putWord(block, ROLES_COUNT_AT, roles.size());
        LittleEndian.putWord(block, LOGICAL_BLOCK_AT, logicalBlockBytes);
        for (int number = 0; number < roles.size(); number++) {
            LittleEndian.putU16(block, HEADER_BYTES + 2 * number, roles.get(number));
        }
        LittleEndian.putWord(block, SUM_AT, sum(block, bytes()));
        return block;
    }

    /** The sum of the first bytes: all words but the sum itself, as 64 bits, the high half added to the low one once. */
    static int sum(byte[] block, int bytes) {
        long sum = 0;
        int at = 0;
        for (; at + 4 <= bytes; at += 4) {
            sum += at == SUM_AT ? 0 : LittleEndian.u32(block, at);
        }
        if (at + 2 <= bytes) {
            sum += LittleEndian.u16(block, at);
        }
        return (int) sum + (int) (sum >>> 32);
    }

    boolean has(int feature) {
        return (features & feature) != 0;
    }

    /** Seconds since 1970 of one of its times. */
    static long seconds(long time) {
        return time & 0xFF_FFFF_FFFFL;
    }

    long chunk() {
        return Integer.toUnsignedLong(chunkSectors);
    }

    /** The role in the table; that of a number beyond it is a spare's. */
    int role(int number) {
        return number >= 0 && number < roles.size() ? roles.get(number) : SPARE;
    }

    /** Where the PPL stands, from the superblock on. */
    int pplOffset() {
        return (short) bitmapOffset;
    }

    int pplSectors() {
        return bitmapOffset >>> 16;
    }
}
