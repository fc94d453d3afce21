package redoubt.metadata.md0;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import redoubt.base.Sectors;
import redoubt.metadata.Bytes;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.MdUuid;

/**
 * The superblock of md 0.90 (docs/FORMATS.md, "Superblock 0.90"): a view of its 4096 bytes, all of them kept as they were read. Numbers have 32
 * bits and the byte order of the machine that wrote them; the two of 64 bits are in that order as well.
 *
 * <pre>
 *   0 magic a92b4efc    4 major 0            8 minor 90, 91     12 patch           16 gvalid_words     20 set_uuid0
 *  24 ctime            28 level             32 size (KiB)       36 nr_disks        40 raid_disks       44 md_minor
 *  48 not_persistent   52 set_uuid1         56 set_uuid2        60 set_uuid3       64 reserved (64)
 * 128 utime           132 state            136 active_disks    140 working_disks  144 failed_disks    148 spare_disks
 * 152 sb_csum         156 events (8)       164 cp_events (8)   172 recovery_cp    176 reshape_position (8)
 * 184 new_level       188 delta_disks      192 new_layout      196 new_chunk      200 reserved (56)
 * 256 layout          260 chunk_size       264 root_pv         268 root_block     272 reserved (240)
 * 512 disks (27 of 128)                   3968 this_disk (128)
 * </pre>
 *
 * @param order of its writer
 * @param block 4096 bytes
 */
public record Md0Superblock(ByteOrder order, Bytes block) {

    /** Length on the disk. */
    public static final int BLOCK_BYTES = 4096;

    /** {@link #resyncOffset} of an array that is clean. */
    public static final long IN_SYNC = -1;

    static final int MAGIC = 0xA92B4EFC;
    static final int DISKS_MAX = 27;

    static final int MAGIC_AT = 0;
    static final int MAJOR_AT = 4;
    static final int MINOR_AT = 8;
    static final int PATCH_AT = 12;
    static final int UUID0_AT = 20;
    static final int CREATED_AT = 24;
    static final int LEVEL_AT = 28;
    static final int SIZE_AT = 32;
    static final int DISKS_COUNT_AT = 36;
    static final int RAID_DISKS_AT = 40;
    static final int MD_MINOR_AT = 44;
    static final int NOT_PERSISTENT_AT = 48;
    static final int UUID1_AT = 52;
    static final int UPDATED_AT = 128;
    static final int STATE_AT = 132;
    static final int ACTIVE_AT = 136;
    static final int WORKING_AT = 140;
    static final int FAILED_AT = 144;
    static final int SPARE_AT = 148;
    static final int SUM_AT = 152;
    static final int EVENTS_AT = 156;
    static final int CHECKPOINT_EVENTS_AT = 164;
    static final int CHECKPOINT_AT = 172;
    static final int RESHAPE_POSITION_AT = 176;
    static final int NEW_LEVEL_AT = 184;
    static final int DELTA_DISKS_AT = 188;
    static final int NEW_LAYOUT_AT = 192;
    static final int NEW_CHUNK_AT = 196;
    static final int LAYOUT_AT = 256;
    static final int CHUNK_AT = 260;
    static final int TABLE_AT = 512;
    static final int THIS_DISK_AT = 3968;

    static final int MINOR = 90;
    static final int MINOR_RESHAPE = 91;

    static final int CLEAN = 1;
    static final int BITMAP = 1 << 8;

    private static final long RESERVED_SECTORS = 128;
    private static final int UUID_BYTES = 16;

    /** Checks the length. */
    public Md0Superblock {
        if (block.length() != BLOCK_BYTES) {
            throw new IllegalArgumentException("a superblock of " + block.length() + " bytes");
        }
    }

    /** The sector of the superblock on a disk, 64 to 128 KiB before its end; negative where the disk is too small. */
    static long sectorOn(DiskGeometry geometry) {
        return (geometry.sizeSectors() & -RESERVED_SECTORS) - RESERVED_SECTORS;
    }

    /** The sum as it should be: all words but itself, as 64 bits, the high half added to the low one. */
    int sum() {
        ByteBuffer words = ByteBuffer.wrap(block.toArray()).order(order);
        long sum = 0;
        for (int at = 0; at < BLOCK_BYTES; at += 4) {
            sum += at == SUM_AT ? 0 : Integer.toUnsignedLong(words.getInt(at));
        }
        return (int) sum + (int) (sum >>> 32);
    }

    /** Whether the sum that stands there is right. Linux on Alpha writes it folded to 16 bits. */
    boolean sound() {
        int sum = sum();
        int once = (sum & 0xFFFF) + (sum >>> 16);
        return word(SUM_AT) == sum || word(SUM_AT) == (once & 0xFFFF) + (once >>> 16);
    }

    /** A word in the writer's order. */
    int word(int at) {
        int first = block.at(at) << 24 | block.at(at + 1) << 16 | block.at(at + 2) << 8 | block.at(at + 3);
        return order == ByteOrder.BIG_ENDIAN ? first : Integer.reverseBytes(first);
    }

    long u32(int at) {
        return Integer.toUnsignedLong(word(at));
    }

    long long64(int at) {
        boolean big = order == ByteOrder.BIG_ENDIAN;
        return u32(big ? at : at + 4) << 32 | u32(big ? at + 4 : at);
    }

    /** Four words; the bytes are those that a little-endian machine would have written, so that both call the array alike. */
    MdUuid array() {
        ByteBuffer bytes = ByteBuffer.allocate(UUID_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(word(UUID0_AT))
                .putInt(word(UUID1_AT))
                .putInt(word(UUID1_AT + 4))
                .putInt(word(UUID1_AT + 8));
        return new MdUuid(Bytes.of(bytes.array()), MdUuid.Groups.WORDS);
    }

    int minor() {
        return word(MINOR_AT);
    }

    int level() {
        return word(LEVEL_AT);
    }

    int layout() {
        return word(LAYOUT_AT);
    }

    /** Sectors of each member that the array uses; without meaning for linear and RAID0. */
    long size() {
        return 2 * u32(SIZE_AT);
    }

    long chunkSectors() {
        return Sectors.ofBytes(u32(CHUNK_AT));
    }

    int raidDisks() {
        return word(RAID_DISKS_AT);
    }

    int deltaDisks() {
        return word(DELTA_DISKS_AT);
    }

    /** Count of changes, unsigned. */
    long events() {
        return long64(EVENTS_AT);
    }

    /** Whether the array is caught in a reshape. */
    boolean reshaping() {
        return minor() == MINOR_RESHAPE && long64(RESHAPE_POSITION_AT) != -1;
    }

    boolean clean() {
        return (word(STATE_AT) & CLEAN) != 0;
    }

    boolean hasBitmap() {
        return (word(STATE_AT) & BITMAP) != 0;
    }

    /** {@link #IN_SYNC}, or the sector of the component from which redundancy is not known; a checkpoint counts only for its events. */
    long resyncOffset() {
        if (clean()) {
            return IN_SYNC;
        }
        return events() == long64(CHECKPOINT_EVENTS_AT) ? u32(CHECKPOINT_AT) : 0;
    }

    Md0Descriptor thisDisk() {
        return descriptorAt(THIS_DISK_AT);
    }

    /** The entry of a number from 0 to 26. */
    Md0Descriptor descriptor(int number) {
        return descriptorAt(TABLE_AT + number * Md0Descriptor.BYTES);
    }

    List<Md0Descriptor> descriptors() {
        List<Md0Descriptor> all = new ArrayList<>(DISKS_MAX);
        for (int number = 0; number < DISKS_MAX; number++) {
            all.add(descriptor(number));
        }
        return all;
    }

    private Md0Descriptor descriptorAt(int at) {
        return new Md0Descriptor(
                word(at + Md0Descriptor.NUMBER_AT),
                word(at + Md0Descriptor.MAJOR_AT),
                word(at + Md0Descriptor.MINOR_AT),
                word(at + Md0Descriptor.SLOT_AT),
                word(at + Md0Descriptor.STATE_AT));
    }

    /** Whether the disk of an entry has a slot: in sync, or, in a reshape only, being filled. */
    boolean seated(Md0Descriptor disk) {
        return !disk.has(Md0Descriptor.FAULTY)
                && (disk.has(Md0Descriptor.IN_SYNC) || (disk.has(Md0Descriptor.ACTIVE) && minor() == MINOR_RESHAPE));
    }
}
