package redoubt.assembly.content;

import redoubt.metadata.ReadFailed;

/**
 * NTFS: a boot sector with a copy behind the last sector, and a master file table whose records name their own number.
 *
 * <pre>
 * boot sector: 3 "NTFS    "   11 sector size (2)   13 sectors a cluster (1)   40 sectors (8)   48 cluster of the table (8)
 *             56 cluster of the table's mirror (8)   64 clusters a record, or -log2 of its size (1)
 * record:      0 "FILE"   44 own number (4)
 * </pre>
 */
final class NtfsFileSystem {

    private static final long NAME = 0x2020_2020_5346_544EL;
    private static final int FILE = 0x454C_4946;
    private static final int RECORDS = 12;
    private static final int MIRRORED_RECORDS = 4;

    private NtfsFileSystem() {}

    static Fit look(Content content, Testimony testimony) throws ReadFailed {
        Piece boot = Piece.little(content, 0, 512);
        int sector = boot.getShort(11) & 0xFFFF;
        int perCluster = boot.get(13) & 0xFF;
        if (boot.getLong(3) != NAME
                || sector < 256
                || sector > 4096
                || Integer.bitCount(sector) != 1
                || Integer.bitCount(perCluster) != 1) {
            return Fit.ABSENT;
        }
        long sectors = boot.getLong(40);
        if (sectors <= 0 || sectors > content.size() / sector) {
            testimony.missed();
            return Fit.LOOSE;
        }
        testimony.found("NTFS boot sector", 2);
        Piece copy = Piece.little(content, sectors * sector, 512);
        testimony.check(copy.sameAs(boot, 0, 512), "NTFS boot sector copy", 3);
        long cluster = (long) sector * perCluster;
        int size = boot.get(64);
        long record = size < 0 ? 1L << Math.min(-size, 16) : size * cluster;
        records(content, boot.getLong(48) * cluster, record, RECORDS, "NTFS file record", testimony);
        records(content, boot.getLong(56) * cluster, record, MIRRORED_RECORDS, "NTFS file record mirror", testimony);
        return Fit.of((sectors + 1) * sector, content.size());
    }

    private static void records(Content content, long at, long record, int count, String what, Testimony testimony)
            throws ReadFailed {
        for (int i = 0; i < count; i++) {
            Piece header = Piece.little(content, at + i * record, 48);
            testimony.check(header.getInt(0) == FILE && header.getInt(44) == i, what, 1);
        }
    }
}
