package redoubt.metadata.md0;

import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import redoubt.base.Sectors;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.RaidLevel;

/** What a superblock whose sum is right may say on a disk of that size. Everything behind this may count on it. */
final class Md0Rules {

    private static final long CHUNK_BYTES_MAX = 1L << 30;

    private final Md0Superblock superblock;
    private final long sector;

    private Md0Rules(Md0Superblock superblock, long sector) {
        this.superblock = superblock;
        this.sector = sector;
    }

    /**
     * Checks everything.
     *
     * @throws MetadataRefused with a sentence about the first field that cannot be
     */
    static void check(Md0Superblock superblock, DiskGeometry geometry) throws MetadataRefused {
        Md0Rules rules = new Md0Rules(superblock, Md0Superblock.sectorOn(geometry));
        RaidLevel level = rules.shape();
        rules.layout(level);
        rules.chunk(level);
        rules.size(level);
        rules.table();
    }

    static MetadataRefused refused(String field, long sector, int fieldAt, String because) {
        return MetadataRefused.malformed(
                "md metadata 0.90, " + field,
                Sectors.toBytes(sector) + fieldAt,
                because,
                "leave the disk out, or restore a backup of this superblock");
    }

    private void need(boolean holds, String field, int fieldAt, String because) throws MetadataRefused {
        if (!holds) {
            throw refused(field, sector, fieldAt, because);
        }
    }

    private RaidLevel shape() throws MetadataRefused {
        Optional<RaidLevel> known = RaidLevel.ofNumber(superblock.level());
        need(known.isPresent(), "level", Md0Superblock.LEVEL_AT, "%d is no level".formatted(superblock.level()));
        RaidLevel level = known.orElseThrow();
        int disks = superblock.raidDisks();
        int least = level.leastMembers();
        need(
                disks >= least && disks <= Md0Superblock.DISKS_MAX,
                "raid_disks",
                Md0Superblock.RAID_DISKS_AT,
                "%s of %s members; there are %d to %d"
                        .formatted(level.word(), Integer.toUnsignedString(disks), least, Md0Superblock.DISKS_MAX));
        return level;
    }

    private void layout(RaidLevel level) throws MetadataRefused {
        int layout = superblock.layout();
        int copies = (layout & 0xFF) * (layout >>> 8 & 0xFF);
        need(
                level != RaidLevel.RAID10 || (copies > 0 && copies <= superblock.raidDisks()),
                "layout",
                Md0Superblock.LAYOUT_AT,
                "0x%x is no layout of a raid10 of %d members".formatted(layout, superblock.raidDisks()));
    }

    private void chunk(RaidLevel level) throws MetadataRefused {
        long bytes = superblock.u32(Md0Superblock.CHUNK_AT);
        if (level == RaidLevel.RAID1 || (level == RaidLevel.LINEAR && bytes == 0)) {
            return;
        }
        need(
                bytes > 0
                        && bytes <= CHUNK_BYTES_MAX
                        && bytes % Sectors.BYTES == 0
                        && (Long.bitCount(bytes) == 1 || level == RaidLevel.RAID0),
                "chunk_size",
                Md0Superblock.CHUNK_AT,
                "chunks of %d bytes; they have a power of two, up to %d".formatted(bytes, CHUNK_BYTES_MAX));
    }

    /** The data is before the superblock, from the first sector on. */
    private void size(RaidLevel level) throws MetadataRefused {
        long used = level == RaidLevel.LINEAR || level == RaidLevel.RAID0 ? sector : superblock.size();
        need(
                used > 0 && used <= sector,
                "size",
                Md0Superblock.SIZE_AT,
                "%d sectors of each member, and there are %d before the superblock".formatted(used, sector));
        need(
                level == RaidLevel.RAID1 || superblock.chunkSectors() <= used,
                "chunk_size",
                Md0Superblock.CHUNK_AT,
                "chunks of %d sectors on members of %d".formatted(superblock.chunkSectors(), used));
    }

    private void table() throws MetadataRefused {
        int number = superblock.thisDisk().number();
        need(
                number >= 0 && number < Md0Superblock.DISKS_MAX,
                "this_disk",
                Md0Superblock.THIS_DISK_AT,
                "disk %s of a table of %d".formatted(Integer.toUnsignedString(number), Md0Superblock.DISKS_MAX));
        int slots = superblock.raidDisks();
        if (superblock.reshaping()) {
            long before = (long) slots - superblock.deltaDisks();
            need(
                    before > 0 && before <= Md0Superblock.DISKS_MAX,
                    "delta_disks",
                    Md0Superblock.DELTA_DISKS_AT,
                    "%d members are said to have come to %d".formatted(superblock.deltaDisks(), slots));
            slots = (int) Math.max(slots, before);
        }
        Set<Integer> seen = new HashSet<>();
        for (int each = 0; each < Md0Superblock.DISKS_MAX; each++) {
            Md0Descriptor disk = superblock.descriptor(each);
            if (superblock.seated(disk)) {
                int at = Md0Superblock.TABLE_AT + each * Md0Descriptor.BYTES + Md0Descriptor.SLOT_AT;
                need(
                        disk.slot() >= 0 && disk.slot() < slots,
                        "disks",
                        at,
                        "disk %d would be in slot %s of %d"
                                .formatted(each, Integer.toUnsignedString(disk.slot()), slots));
                need(seen.add(disk.slot()), "disks", at, "two disks would be in slot %d".formatted(disk.slot()));
            }
        }
    }
}
