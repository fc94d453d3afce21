package redoubt.assembly.content;

import java.util.zip.CRC32C;
import redoubt.metadata.ReadFailed;

/**
 * ext2, ext3 and ext4. The superblock at byte 1024 has copies in block groups all over the volume, each of which names its group.
 *
 * <pre>
 * superblock:   4 blocks (4)   20 first data block (4)   24 log2 of block size - 10 (4)   32 blocks a group (4)   56 magic 0xEF53 (2)
 *              88 size of an inode (2)   90 own group (2)   92 compat (4)   96 incompat (4)   100 ro_compat (4)   104 UUID (16)
 *             254 size of a group descriptor (2)   336 blocks, high (4)   588 groups with copies (2 of 4)   1020 checksum (4)
 * </pre>
 */
final class ExtFileSystem {

    private static final int SUPERBLOCK_AT = 1024;
    private static final int SUPERBLOCK_BYTES = 1024;
    private static final short MAGIC = (short) 0xEF53;
    private static final int COMPAT_SPARSE_SUPER2 = 0x200;
    private static final int INCOMPAT_META_BG = 0x10;
    private static final int INCOMPAT_64BIT = 0x80;
    private static final int RO_COMPAT_SPARSE_SUPER = 0x1;
    private static final int RO_COMPAT_METADATA_CSUM = 0x400;
    private static final int COPIES_MAX = 24;

    private final Content content;
    private final Testimony testimony;
    private final Piece superblock;
    private final long blockBytes;
    private final long blocks;
    private final long groupBlocks;
    private final long firstDataBlock;

    private ExtFileSystem(Content content, Testimony testimony, Piece superblock) {
        this.content = content;
        this.testimony = testimony;
        this.superblock = superblock;
        this.blockBytes = 1024L << superblock.getInt(24);
        boolean wide = (superblock.getInt(96) & INCOMPAT_64BIT) != 0;
        this.blocks = (superblock.getInt(4) & 0xFFFF_FFFFL) | (wide ? (long) superblock.getInt(336) << 32 : 0);
        this.groupBlocks = superblock.getInt(32) & 0xFFFF_FFFFL;
        this.firstDataBlock = superblock.getInt(20) & 0xFFFF_FFFFL;
    }

    static Fit look(Content content, Testimony testimony) throws ReadFailed {
        Piece superblock = Piece.little(content, SUPERBLOCK_AT, SUPERBLOCK_BYTES);
        if (superblock.getShort(56) != MAGIC || superblock.getInt(24) < 0 || superblock.getInt(24) > 6) {
            return Fit.ABSENT;
        }
        ExtFileSystem found = new ExtFileSystem(content, testimony, superblock);
        if (found.groupBlocks < 8 || found.groupBlocks > 8 * found.blockBytes || found.firstDataBlock > 1) {
            return Fit.ABSENT;
        }
        if (found.blocks <= 0 || found.blocks > content.size() / found.blockBytes) {
            testimony.missed();
            return Fit.LOOSE;
        }
        found.judge();
        return Fit.of(found.blocks * found.blockBytes, content.size());
    }

    private void judge() throws ReadFailed {
        testimony.found("ext superblock", 2);
        if (has(100, RO_COMPAT_METADATA_CSUM)) {
            CRC32C sum = new CRC32C();
            sum.update(superblock.bytes(), 0, 1020);
            testimony.check(superblock.getInt(1020) == (int) ~sum.getValue(), "its checksum", 2);
        }
        copies();
        root();
        if (testimony.asks(content, 0)) {
            new ExtMetadata(content, testimony, superblock).account();
        }
    }

    private boolean has(int at, int bit) {
        return (superblock.getInt(at) & bit) != 0;
    }

    private void copies() throws ReadFailed {
        long groups = Math.ceilDiv(blocks - firstDataBlock, groupBlocks);
        int seen = 0;
        for (long group = 1; group < groups && seen < COPIES_MAX; group++) {
            if (holdsCopy(group)) {
                seen++;
                Piece copy = Piece.little(content, (firstDataBlock + group * groupBlocks) * blockBytes, 128);
                boolean right = copy.getShort(56) == MAGIC
                        && (copy.getShort(90) & 0xFFFF) == (group & 0xFFFF)
                        && copy.sameAs(superblock, 104, 120);
                testimony.check(right, "ext superblock copy", 2);
            }
        }
    }

    private boolean holdsCopy(long group) {
        return holdsCopy(superblock, group);
    }

    /** Whether a block group, not the first, has a copy of the superblock and of the table behind it. */
    static boolean holdsCopy(Piece superblock, long group) {
        if ((superblock.getInt(92) & COMPAT_SPARSE_SUPER2) != 0) {
            return group == superblock.getInt(588) || group == superblock.getInt(592);
        }
        boolean everywhere = (superblock.getInt(100) & RO_COMPAT_SPARSE_SUPER) == 0;
        return everywhere || group == 1 || power(group, 3) || power(group, 5) || power(group, 7);
    }

    private static boolean power(long number, int base) {
        long left = number;
        while (left % base == 0) {
            left /= base;
        }
        return left == 1;
    }

    /** The root directory: inode 2, whose first block begins with the entry "." that names inode 2. */
    private void root() throws ReadFailed {
        if (has(96, INCOMPAT_META_BG)) {
            return;
        }
        int descriptorBytes = has(96, INCOMPAT_64BIT) ? superblock.getShort(254) & 0xFFFF : 32;
        Piece descriptor = Piece.little(content, (firstDataBlock + 1) * blockBytes, 64);
        long table = descriptor.getInt(8) & 0xFFFF_FFFFL;
        if (descriptorBytes >= 64) {
            table |= (long) descriptor.getInt(40) << 32;
        }
        int inodeBytes = Math.max(128, superblock.getShort(88) & 0xFFFF);
        if (table <= 0 || table >= blocks) {
            testimony.missed();
            return;
        }
        Piece inode = Piece.little(content, table * blockBytes + inodeBytes, 128);
        boolean directory = (inode.getShort(0) & 0xF000) == 0x4000;
        testimony.check(directory, "ext root inode", 1);
        if (!directory) {
            return;
        }
        boolean extents = inode.getShort(40) == (short) 0xF30A;
        if (extents && inode.getShort(46) != 0) {
            return; // a root directory that needs an index block
        }
        long block = extents
                ? (inode.getInt(60) & 0xFFFF_FFFFL) | (long) (inode.getShort(58) & 0xFFFF) << 32
                : inode.getInt(40) & 0xFFFF_FFFFL;
        if (block > 0 && block < blocks) {
            Piece entry = Piece.little(content, block * blockBytes, 16);
            testimony.check(entry.getInt(0) == 2 && entry.get(6) == 1 && entry.get(8) == '.', "ext root directory", 2);
        }
    }
}
