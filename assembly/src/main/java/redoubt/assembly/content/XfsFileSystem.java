package redoubt.assembly.content;

import redoubt.metadata.ReadFailed;

/**
 * XFS: allocation groups of equal size all over the volume, each of which begins with a superblock and with headers that name the group.
 *
 * <pre>
 * superblock: 0 "XFSB"   4 block size (4)   8 blocks (8)   32 UUID (16)   84 blocks a group (4)   88 groups (4)   102 sector size (2)
 * sector 1:   0 "XAGF"   8 own group (4)         sector 2: 0 "XAGI"   8 own group (4)
 * </pre>
 */
final class XfsFileSystem {

    private static final int SUPERBLOCK = 0x5846_5342;
    private static final int FREE_SPACE = 0x5841_4746;
    private static final int INODES = 0x5841_4749;
    private static final int GROUPS_MAX = 32;

    private XfsFileSystem() {}

    static Fit look(Content content, Testimony testimony) throws ReadFailed {
        Piece superblock = Piece.big(content, 0, 512);
        if (superblock.getInt(0) != SUPERBLOCK) {
            return Fit.ABSENT;
        }
        long blockBytes = superblock.getInt(4) & 0xFFFF_FFFFL;
        long blocks = superblock.getLong(8);
        long groupBlocks = superblock.getInt(84) & 0xFFFF_FFFFL;
        long groups = superblock.getInt(88) & 0xFFFF_FFFFL;
        int sector = superblock.getShort(102) & 0xFFFF;
        if (blockBytes < 512 || blockBytes > 65536 || groups < 1 || groupBlocks < 64 || sector < 512) {
            return Fit.ABSENT;
        }
        if (blocks <= 0 || blocks > content.size() / blockBytes || (groups - 1) * groupBlocks >= blocks) {
            testimony.missed();
            return Fit.LOOSE;
        }
        testimony.found("XFS superblock", 2);
        for (long group = 0; group < Math.min(groups, GROUPS_MAX); group++) {
            long at = group * groupBlocks * blockBytes;
            if (group > 0) {
                Piece copy = Piece.big(content, at, 64);
                boolean right = copy.getInt(0) == SUPERBLOCK && copy.sameAs(superblock, 32, 48);
                testimony.check(right, "XFS superblock copy", 2);
            }
            header(content, at + sector, FREE_SPACE, group, testimony);
            header(content, at + 2L * sector, INODES, group, testimony);
        }
        return Fit.of(blocks * blockBytes, content.size());
    }

    private static void header(Content content, long at, int magic, long group, Testimony testimony) throws ReadFailed {
        Piece header = Piece.big(content, at, 16);
        boolean right = header.getInt(0) == magic && (header.getInt(8) & 0xFFFF_FFFFL) == group;
        testimony.check(right, "XFS group header", 1);
    }
}
