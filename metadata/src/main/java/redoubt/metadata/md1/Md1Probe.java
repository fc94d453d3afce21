package redoubt.metadata.md1;

import java.util.List;
import java.util.Optional;
import redoubt.base.Sectors;
import redoubt.metadata.BlockReader;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.Finding;
import redoubt.metadata.LittleEndian;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.ReadFailed;

/**
 * Reads one disk: the superblock of one minor version, then the bad block log and the head of the bitmap, if it has them. Three reads at
 * most, and no field but magic, version and the length of the table is believed before the sum is right.
 */
final class Md1Probe {

    private final Md1Minor minor;
    private final DiskGeometry geometry;
    private final BlockReader reader;

    Md1Probe(Md1Minor minor, DiskGeometry geometry, BlockReader reader) {
        this.minor = minor;
        this.geometry = geometry;
        this.reader = reader;
    }

    Finding probe() throws ReadFailed {
        long sector = minor.superblockSector(geometry);
        if (sector < 0) {
            return new Finding.Absent();
        }
        byte[] block = read(sector, Md1Superblock.BLOCK_BYTES);
        if (LittleEndian.word(block, Md1Superblock.MAGIC_AT) != Md1Superblock.MAGIC) {
            return new Finding.Absent();
        }
        try {
            int major = LittleEndian.word(block, Md1Superblock.MAJOR_AT);
            if (major != Md1Superblock.MAJOR) {
                throw Md1Rules.refused(
                        "major_version",
                        sector,
                        Md1Superblock.MAJOR_AT,
                        "version %s is none that is known here".formatted(Integer.toUnsignedString(major)));
            }
            long roles = LittleEndian.u32(block, Md1Superblock.ROLES_COUNT_AT);
            if (roles > Md1Superblock.ROLES_MAX) {
                throw Md1Rules.refused(
                        "max_dev",
                        sector,
                        Md1Superblock.ROLES_COUNT_AT,
                        "a table of %d disks; there is room for %d".formatted(roles, Md1Superblock.ROLES_MAX));
            }
            int sum = Md1Superblock.sum(block, Md1Superblock.HEADER_BYTES + 2 * (int) roles);
            Md1Superblock superblock = Md1Superblock.decode(block);
            if (sum != LittleEndian.word(block, Md1Superblock.SUM_AT)) {
                return torn(superblock, LittleEndian.word(block, Md1Superblock.SUM_AT), sum, sector);
            }
            fillers(block, sector);
            Md1Rules.check(superblock, minor, geometry);
            return new Finding.Whole(
                    new Md1DiskMetadata(superblock, minor, geometry, badBlocks(superblock), bitmap(superblock)));
        } catch (MetadataRefused refused) {
            return new Finding.Malformed(refused);
        }
    }

    /** What a later version may give a meaning is zero, as Linux wants it. */
    private static void fillers(byte[] block, long sector) throws MetadataRefused {
        boolean clear = LittleEndian.word(block, Md1Superblock.PAD0_AT) == 0;
        int at = Md1Superblock.PAD0_AT;
        for (int i = 0; clear && i < Md1Superblock.PAD3_BYTES; i++) {
            at = Md1Superblock.PAD3_AT + i;
            clear = block[at] == 0;
        }
        if (!clear) {
            throw Md1Rules.refused(
                    "filler", sector, at, "something stands where nothing is known to stand: it may be a new feature");
        }
    }

    private static Finding torn(Md1Superblock superblock, int stated, int actual, long sector) {
        return new Finding.Torn(
                "md metadata at byte %d of the disk: the checksum is %08x and the content sums up to %08x, so a write was cut short or the sector is damaged; read again, or leave the disk out"
                        .formatted(Sectors.toBytes(sector), stated, actual),
                new Finding.TornClaim(superblock.array().canonicalForm(), superblock.events(), List.of()),
                Optional.empty());
    }

    private Md1BadBlocks badBlocks(Md1Superblock superblock) throws ReadFailed, MetadataRefused {
        if (!superblock.has(Md1Feature.BAD_BLOCKS)) {
            return Md1BadBlocks.NONE;
        }
        Md1Device device = superblock.device();
        long at = device.superOffset() + device.badBlockOffset();
        return Md1BadBlocks.decode(
                read(at, device.badBlockSectors() * Sectors.BYTES), device.badBlockShift(), at, geometry);
    }

    private Optional<Md1Bitmap> bitmap(Md1Superblock superblock) throws ReadFailed {
        if (!superblock.has(Md1Feature.BITMAP)) {
            return Optional.empty();
        }
        long at = superblock.device().superOffset() + superblock.bitmapOffset();
        return at < geometry.sizeSectors() ? Md1Bitmap.decode(read(at, Md1Bitmap.HEADER_BYTES)) : Optional.empty();
    }

    /** Reads from a sector on, in the disk's own units. */
    private byte[] read(long sector, int length) throws ReadFailed {
        int unit = geometry.sectorBytes();
        long at = Sectors.toBytes(sector);
        long from = at / unit * unit;
        long to = Math.ceilDiv(at + length, (long) unit) * unit;
        byte[] bytes = reader.read(from, (int) (to - from));
        if (bytes.length != to - from) {
            throw new ReadFailed("%d bytes at byte %d of the disk were asked for and %d came"
                    .formatted(to - from, from, bytes.length));
        }
        return java.util.Arrays.copyOfRange(bytes, (int) (at - from), (int) (at - from) + length);
    }
}
