package redoubt.metadata.md1;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import redoubt.base.Sectors;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.RaidLevel;

/** What a superblock whose sum is right may say on a disk of that size. Everything behind this may count on it. */
final class Md1Rules {

    /** The most that the sum of all members may come to, so that no size of an array overflows. */
    private static final long ARRAY_SECTORS_MAX = 1L << 53;

    private static final int CHUNK_SECTORS_MAX = 1 << 21;
    private static final int BAD_BLOCK_SHIFT_MAX = 63;

    private final Md1Superblock superblock;
    private final Md1Minor minor;
    private final DiskGeometry geometry;
    private final long sector;

    private Md1Rules(Md1Superblock superblock, Md1Minor minor, DiskGeometry geometry) {
        this.superblock = superblock;
        this.minor = minor;
        this.geometry = geometry;
        this.sector = minor.superblockSector(geometry);
    }

    /**
     * Checks everything.
     *
     * @throws MetadataRefused with a sentence about the first field that cannot be
     */
    static void check(Md1Superblock superblock, Md1Minor minor, DiskGeometry geometry) throws MetadataRefused {
        Md1Rules rules = new Md1Rules(superblock, minor, geometry);
        rules.features();
        rules.shape();
        rules.device();
        rules.roles();
        rules.logs();
    }

    static MetadataRefused refused(String field, long sector, int fieldAt, String because) {
        return MetadataRefused.malformed(
                "md metadata, " + field,
                Sectors.toBytes(sector) + fieldAt,
                because,
                "leave the disk out, or restore a backup of this superblock");
    }

    private void need(boolean holds, String field, int fieldAt, String because) throws MetadataRefused {
        if (!holds) {
            throw refused(field, sector, fieldAt, because);
        }
    }

    private void features() throws MetadataRefused {
        int at = Md1Superblock.FEATURES_AT;
        int unknown = superblock.features() & ~Md1Feature.KNOWN;
        need(unknown == 0, "feature_map", at, "it has features that nobody knows here (bits 0x%x)".formatted(unknown));
        boolean ppl = superblock.has(Md1Feature.PPL | Md1Feature.MULTIPLE_PPLS);
        boolean both = superblock.has(Md1Feature.PPL) && superblock.has(Md1Feature.MULTIPLE_PPLS);
        need(!both, "feature_map", at, "it claims to have one partial parity log and several");
        boolean exclusive = !ppl || !superblock.has(Md1Feature.BITMAP | Md1Feature.JOURNAL);
        need(exclusive, "feature_map", at, "a partial parity log and a bitmap or journal exclude each other");
        need(
                !superblock.has(Md1Feature.RAID0_LAYOUT) || superblock.level() == RaidLevel.RAID0.number(),
                "feature_map",
                at,
                "it has a RAID0's layout and level %d".formatted(superblock.level()));
    }

    private void shape() throws MetadataRefused {
        Optional<RaidLevel> known = RaidLevel.ofNumber(superblock.level());
        need(known.isPresent(), "level", Md1Superblock.LEVEL_AT, "%d is no level".formatted(superblock.level()));
        RaidLevel level = known.orElseThrow();
        int disks = superblock.raidDisks();
        int least = level.leastMembers();
        need(
                disks >= least && disks <= Md1Superblock.ROLES_MAX,
                "raid_disks",
                Md1Superblock.RAID_DISKS_AT,
                "%s of %s members; there are %d to %d"
                        .formatted(level.word(), Integer.toUnsignedString(disks), least, Md1Superblock.ROLES_MAX));
        layout(level, disks);
        chunk(level);
        int block = superblock.logicalBlockBytes();
        need(
                block == 0 || (block >= Sectors.BYTES && Integer.bitCount(block) == 1),
                "logical_block_size",
                Md1Superblock.LOGICAL_BLOCK_AT,
                "blocks of %s bytes".formatted(Integer.toUnsignedString(block)));
    }

    private void layout(RaidLevel level, int disks) throws MetadataRefused {
        int layout = superblock.layout();
        if (level == RaidLevel.RAID10) {
            int near = layout & 0xFF;
            int far = layout >>> 8 & 0xFF;
            need(
                    near > 0 && far > 0 && near * far <= disks,
                    "layout",
                    Md1Superblock.LAYOUT_AT,
                    "0x%x is no layout of a raid10 of %d members".formatted(layout, disks));
        } else if (superblock.has(Md1Feature.RAID0_LAYOUT)) {
            need(
                    layout == 1 || layout == 2,
                    "layout",
                    Md1Superblock.LAYOUT_AT,
                    "%d is no layout of a raid0; there are 1 and 2".formatted(layout));
        }
    }

    private void chunk(RaidLevel level) throws MetadataRefused {
        long chunk = superblock.chunk();
        if (level == RaidLevel.RAID1 || (level == RaidLevel.LINEAR && chunk == 0)) {
            return;
        }
        need(
                chunk > 0 && chunk <= CHUNK_SECTORS_MAX && (Long.bitCount(chunk) == 1 || level == RaidLevel.RAID0),
                "chunksize",
                Md1Superblock.CHUNK_AT,
                "chunks of %d sectors; they have a power of two, up to %d".formatted(chunk, CHUNK_SECTORS_MAX));
    }

    private void device() throws MetadataRefused {
        Md1Device device = superblock.device();
        long sectors = geometry.sizeSectors();
        need(
                device.superOffset() == sector,
                "super_offset",
                Md1Superblock.SUPER_OFFSET_AT,
                "it says that it stands on sector %s, and stands on %d: it belongs to a partition, or to a disk of another size"
                        .formatted(Long.toUnsignedString(device.superOffset()), sector));
        long end = sector + Math.ceilDiv(superblock.bytes(), Sectors.BYTES);
        boolean behindTheData = minor == Md1Minor.V1_0;
        need(
                device.dataOffset() >= 0
                        && device.dataOffset() <= sectors
                        && (behindTheData ? device.dataOffset() < sector : device.dataOffset() >= end),
                "data_offset",
                Md1Superblock.DATA_OFFSET_AT,
                "the data would begin on sector %s, %s"
                        .formatted(
                                Long.toUnsignedString(device.dataOffset()),
                                device.dataOffset() >= sector && device.dataOffset() < end
                                        ? "and the superblock stands there"
                                        : "and is not before the end of what there is"));
        long room = (behindTheData ? sector : sectors) - device.dataOffset();
        need(
                device.dataSize() >= 0 && device.dataSize() <= room,
                "data_size",
                Md1Superblock.DATA_SIZE_AT,
                "the data would have %s sectors, and there is room for %d: the disk, or its image, is shorter than it was"
                        .formatted(Long.toUnsignedString(device.dataSize()), room));
        long used = used();
        boolean data = superblock.role(device.number()) != Md1Superblock.JOURNAL;
        need(
                used > 0 && (used <= device.dataSize() || !data) && used <= ARRAY_SECTORS_MAX / superblock.raidDisks(),
                "size",
                Md1Superblock.SIZE_AT,
                "%s sectors of each of %d members; this one has %d"
                        .formatted(Long.toUnsignedString(used), superblock.raidDisks(), device.dataSize()));
        need(
                superblock.level() == RaidLevel.RAID1.number() || superblock.chunk() <= used,
                "chunksize",
                Md1Superblock.CHUNK_AT,
                "chunks of %d sectors on members of %d".formatted(superblock.chunk(), used));
    }

    /** How much of this member holds data: linear and RAID0 take all there is. */
    private long used() {
        boolean all = superblock.level() == RaidLevel.LINEAR.number() || superblock.level() == RaidLevel.RAID0.number();
        return all ? superblock.device().dataSize() : superblock.size();
    }

    private void roles() throws MetadataRefused {
        int slots = superblock.raidDisks();
        if (superblock.has(Md1Feature.RESHAPE)) {
            long before = (long) slots - superblock.reshape().deltaDisks();
            need(
                    before > 0 && before <= Md1Superblock.ROLES_MAX,
                    "delta_disks",
                    Md1Superblock.DELTA_DISKS_AT,
                    "%d members are said to have come to %d"
                            .formatted(superblock.reshape().deltaDisks(), slots));
            slots = (int) Math.max(slots, before);
        }
        Map<Integer, Integer> seen = new HashMap<>();
        List<Integer> roles = superblock.roles();
        for (int number = 0; number < roles.size(); number++) {
            int role = roles.get(number);
            int at = Md1Superblock.HEADER_BYTES + 2 * number;
            if (role < Md1Superblock.SLOTS_END) {
                need(role < slots, "dev_roles", at, "disk %d would be in slot %d of %d".formatted(number, role, slots));
                int times = seen.merge(role, 1, Integer::sum);
                need(times <= 2, "dev_roles", at, "more than two disks would be in slot %d".formatted(role));
            } else {
                need(
                        role >= Md1Superblock.JOURNAL,
                        "dev_roles",
                        at,
                        "disk %d has role %x, which means nothing".formatted(number, role));
            }
        }
    }

    /** Bitmap, PPL and bad block log are outside of the superblock and the data, so far as their places are known. */
    private void logs() throws MetadataRefused {
        if (superblock.has(Md1Feature.BITMAP)) {
            outside("bitmap_offset", Md1Superblock.BITMAP_OFFSET_AT, superblock.bitmapOffset(), 1);
        }
        if (superblock.has(Md1Feature.PPL | Md1Feature.MULTIPLE_PPLS)) {
            int sectors = superblock.pplSectors();
            need(sectors > 0, "ppl.size", Md1Superblock.BITMAP_OFFSET_AT + 2, "the partial parity log has no room");
            outside("ppl.offset", Md1Superblock.BITMAP_OFFSET_AT, superblock.pplOffset(), sectors);
        }
        if (superblock.has(Md1Feature.BAD_BLOCKS)) {
            Md1Device device = superblock.device();
            need(
                    device.badBlockShift() < BAD_BLOCK_SHIFT_MAX,
                    "bblog_shift",
                    Md1Superblock.BAD_BLOCK_SHIFT_AT,
                    "blocks of 2^%d sectors".formatted(device.badBlockShift()));
            need(
                    device.badBlockSectors() > 0 && device.badBlockSectors() <= Md1BadBlocks.SECTORS_MAX,
                    "bblog_size",
                    Md1Superblock.BAD_BLOCK_SIZE_AT,
                    "the bad block log has %d sectors; it has 1 to %d"
                            .formatted(device.badBlockSectors(), Md1BadBlocks.SECTORS_MAX));
            outside(
                    "bblog_offset",
                    Md1Superblock.BAD_BLOCK_OFFSET_AT,
                    device.badBlockOffset(),
                    device.badBlockSectors());
        }
    }

    private void outside(String field, int fieldAt, int offset, int sectors) throws MetadataRefused {
        Md1Device device = superblock.device();
        long from = sector + offset;
        long to = from + sectors;
        long superblockEnd = sector + Math.ceilDiv(superblock.bytes(), Sectors.BYTES);
        boolean apart = to <= sector || from >= superblockEnd;
        boolean outsideOfData = to <= device.dataOffset() || from >= device.dataOffset() + used();
        need(
                from >= 0 && to <= geometry.sizeSectors() && apart && outsideOfData,
                field,
                fieldAt,
                "%d sectors from the superblock are %s"
                        .formatted(
                                offset,
                                from < 0 || to > geometry.sizeSectors()
                                        ? "not on the disk"
                                        : apart ? "within the data" : "within the superblock"));
    }
}
