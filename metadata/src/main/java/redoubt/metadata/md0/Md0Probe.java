package redoubt.metadata.md0;

import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import redoubt.base.Sectors;
import redoubt.metadata.BlockReader;
import redoubt.metadata.Bytes;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.Finding;
import redoubt.metadata.LittleEndian;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.ReadFailed;

/**
 * Reads one disk: the superblock, and the first sector, which may tell that it is a partition's. No field but magic and version is believed before
 * the sum is right.
 */
final class Md0Probe {

    private static final int BOOT_SIGNATURE_AT = 510;
    private static final int BOOT_SIGNATURE = 0xAA55;
    private static final int PARTITIONS_AT = 446;
    private static final int PARTITIONS = 4;
    private static final int PARTITION_BYTES = 16;
    private static final int PARTITION_TYPE_AT = 4;
    private static final int PARTITION_START_AT = 8;
    private static final int PARTITION_SECTORS_AT = 12;
    private static final int PROTECTIVE = 0xEE;

    private final DiskGeometry geometry;
    private final BlockReader reader;

    Md0Probe(DiskGeometry geometry, BlockReader reader) {
        this.geometry = geometry;
        this.reader = reader;
    }

    Finding probe() throws ReadFailed {
        long sector = Md0Superblock.sectorOn(geometry);
        if (sector < 0) {
            return new Finding.Absent();
        }
        Bytes block = Bytes.of(read(Sectors.toBytes(sector), Md0Superblock.BLOCK_BYTES));
        Optional<Md0Superblock> found = List.of(ByteOrder.LITTLE_ENDIAN, ByteOrder.BIG_ENDIAN).stream()
                .map(order -> new Md0Superblock(order, block))
                .filter(each -> each.word(Md0Superblock.MAGIC_AT) == Md0Superblock.MAGIC)
                .findFirst();
        if (found.isEmpty()) {
            return new Finding.Absent();
        }
        Md0Superblock superblock = found.get();
        if (superblock.word(Md0Superblock.MAJOR_AT) == 1) {
            return new Finding.Absent(); // a superblock 1.1 of a disk that is shorter than what it had before
        }
        try {
            version(superblock, sector);
            if (!superblock.sound()) {
                return torn(superblock, sector);
            }
            Md0Rules.check(superblock, geometry);
            partition(sector);
            return new Finding.Whole(new Md0DiskMetadata(superblock, geometry));
        } catch (MetadataRefused refused) {
            return new Finding.Malformed(refused);
        }
    }

    private static void version(Md0Superblock superblock, long sector) throws MetadataRefused {
        int major = superblock.word(Md0Superblock.MAJOR_AT);
        int minor = superblock.minor();
        boolean known = minor == Md0Superblock.MINOR || minor == Md0Superblock.MINOR_RESHAPE;
        if (major != 0 || !known) {
            throw Md0Rules.refused(
                    "version",
                    sector,
                    Md0Superblock.MAJOR_AT,
                    "version %s.%s is none that is known here"
                            .formatted(Integer.toUnsignedString(major), Integer.toUnsignedString(minor)));
        }
    }

    private static Finding torn(Md0Superblock superblock, long sector) {
        return new Finding.Torn(
                "md metadata 0.90 at byte %d of the disk: the checksum is %08x and the content sums up to %08x, so a write was cut short or the sector is damaged; read again, or leave the disk out"
                        .formatted(Sectors.toBytes(sector), superblock.word(Md0Superblock.SUM_AT), superblock.sum()),
                new Finding.TornClaim(superblock.array().canonicalForm(), superblock.events(), List.of()),
                Optional.empty());
    }

    /**
     * The superblock does not say where it stands: that of the last partition may be found in the disk's own place, and then every byte of the array
     * would be looked for in the wrong one. An array cannot have a partition that reaches over its superblock and ends on the disk, so the disk has it.
     */
    private void partition(long sector) throws ReadFailed, MetadataRefused {
        byte[] first = read(0, geometry.sectorBytes());
        if (LittleEndian.u16(first, BOOT_SIGNATURE_AT) != BOOT_SIGNATURE) {
            return;
        }
        long unit = Sectors.ofBytes(geometry.sectorBytes());
        for (int entry = 0; entry < PARTITIONS; entry++) {
            int at = PARTITIONS_AT + entry * PARTITION_BYTES;
            long from = LittleEndian.u32(first, at + PARTITION_START_AT) * unit;
            long length = LittleEndian.u32(first, at + PARTITION_SECTORS_AT) * unit;
            boolean over = from > 0 && from < sector && from + length > sector;
            boolean itsOwn = from + Md0Superblock.sectorOn(new DiskGeometry(Sectors.toBytes(length), 512)) == sector;
            boolean unknown = LittleEndian.u8(first, at + PARTITION_TYPE_AT) == PROTECTIVE;
            if (over && from + length <= geometry.sizeSectors() && (itsOwn || unknown)) {
                throw MetadataRefused.malformed(
                        "md metadata 0.90",
                        Sectors.toBytes(sector),
                        unknown
                                ? "the disk has partitions, and one of them may own this superblock, which does not say where it stands"
                                : "it belongs to the partition that begins on sector " + from,
                        "give that partition, or an image of it, in the place of the disk");
            }
        }
    }

    private byte[] read(long at, int length) throws ReadFailed {
        byte[] bytes = reader.read(at, length);
        if (bytes.length != length) {
            throw new ReadFailed(
                    "%d bytes at byte %d of the disk were asked for and %d came".formatted(length, at, bytes.length));
        }
        return bytes;
    }
}
