package redoubt.assembly.content;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import redoubt.metadata.ReadFailed;

/**
 * What ext2, ext3 and ext4 keep at the beginning of a volume, checked piece by piece, so that what is left over can be told from it: the table
 * of block groups, the blocks kept for its growth, bitmaps, and inodes. Where the file system has checksums they count, else the counts that
 * it keeps of the same thing elsewhere.
 *
 * <pre>
 * superblock: 40 inodes a group (4)   92 compat (4)   96 incompat (4)   100 ro_compat (4)   104 UUID (16)   206 blocks kept for the table (2)
 *            624 seed of the checksums (4)
 * descriptor:  0 block bitmap (4)   4 inode bitmap (4)   8 inodes (4)   12 free blocks (2)   14 free inodes (2)   18 flags (2)   24 CRC-32C of
 *              the block bitmap (2)   26 of the inode bitmap (2)   30 own checksum (2); high halves of these from 32 on, if it has 64 bytes
 * inode:       0 mode (2)   20 deleted at (4)   26 links (2)   100 generation (4)   124 checksum (2)   128 bytes beyond 128 (2)   130 checksum, high
 *              (2)
 * </pre>
 */
final class ExtMetadata {

    private static final int COMPAT_RESIZE_INODE = 0x10;
    private static final int INCOMPAT_META_BG = 0x10;
    private static final int INCOMPAT_64BIT = 0x80;
    private static final int INCOMPAT_CSUM_SEED = 0x2000;
    private static final int RO_COMPAT_METADATA_CSUM = 0x400;
    private static final int WIDE = 64;
    private static final int NARROW = 32;
    private static final int INODE_LEAST = 128;
    private static final int INODE_MOST = 4096;
    private static final int RESERVED_INODES = 10;
    private static final int POLYNOMIAL = 0x82F6_3B78; // CRC-32C, reflected
    private static final int GROUPS_MOST = 1 << 20;

    /** How many structures are looked at, whatever the file system says. */
    private static final int LOOKS = 1 << 14;

    private static final int KINDS_OF_FILES = 0x1556; // bit n: a mode of n << 12 is one

    private final Content content;
    private final Testimony testimony;
    private final Piece superblock;
    private final int blockBytes;
    private final long blocks;
    private final long groupBlocks;
    private final long groups;
    private final long firstDataBlock;
    private final int groupInodes;
    private final int inodeBytes;
    private final int descriptorBytes;
    private final boolean summed;
    private final int seed;
    private int looksLeft = LOOKS;

    ExtMetadata(Content content, Testimony testimony, Piece superblock) {
        this.content = content;
        this.testimony = testimony;
        this.superblock = superblock;
        this.blockBytes = 1024 << superblock.getInt(24);
        boolean wide = has(96, INCOMPAT_64BIT);
        this.blocks = (superblock.getInt(4) & 0xFFFF_FFFFL) | (wide ? (long) superblock.getInt(336) << 32 : 0);
        this.groupBlocks = superblock.getInt(32) & 0xFFFF_FFFFL;
        this.firstDataBlock = superblock.getInt(20) & 0xFFFF_FFFFL;
        this.groups = Math.ceilDiv(blocks - firstDataBlock, groupBlocks);
        this.groupInodes = superblock.getInt(40);
        this.inodeBytes = superblock.getInt(76) == 0 ? INODE_LEAST : superblock.getShort(88) & 0xFFFF;
        this.descriptorBytes = wide ? superblock.getShort(254) & 0xFFFF : NARROW;
        this.summed = has(100, RO_COMPAT_METADATA_CSUM);
        this.seed = has(96, INCOMPAT_CSUM_SEED)
                ? superblock.getInt(624)
                : sum(~0, Arrays.copyOfRange(superblock.bytes(), 104, 120));
    }

    private boolean has(int at, int bit) {
        return (superblock.getInt(at) & bit) != 0;
    }

    private boolean asks(long at) {
        return testimony.asks(content, at) && looksLeft-- > 0;
    }

    void account() throws ReadFailed {
        boolean lawful = (descriptorBytes == NARROW || descriptorBytes == WIDE)
                && inodeBytes >= INODE_LEAST
                && inodeBytes <= INODE_MOST
                && Integer.bitCount(inodeBytes) == 1
                && inodeBytes <= blockBytes
                && groupInodes > 0
                && groupInodes <= 8 * blockBytes
                && !has(96, INCOMPAT_META_BG);
        if (!lawful) {
            return;
        }
        testimony.accounts(content, 1024, 1024);
        long table = firstDataBlock + 1;
        long tableBlocks = Math.ceilDiv(groups * descriptorBytes, (long) blockBytes);
        for (long group = 0; group < groups; group++) {
            long at = table * blockBytes + group * descriptorBytes;
            if (!asks(at)) {
                break;
            }
            Piece descriptor = Piece.little(content, at, descriptorBytes);
            if (right(descriptor, group)) {
                testimony.accounts(content, at, descriptorBytes);
                contents(descriptor, group);
            }
        }
        if (has(92, COMPAT_RESIZE_INODE)) {
            int kept = superblock.getShort(206) & 0xFFFF;
            List<Long> copies = groupsWithCopies();
            for (int i = 0; i < kept; i++) {
                keptForTheTable(table + tableBlocks + i, copies);
            }
        }
    }

    /** A descriptor of a block group: by its checksum, which names the file system and the group, or by all that it points to. */
    private boolean right(Piece descriptor, long group) {
        if (summed) {
            byte[] bytes = descriptor.bytes().clone();
            bytes[30] = bytes[31] = 0;
            return (short) sum(sum(seed, number(group)), bytes) == descriptor.getShort(30);
        }
        long last = Math.min(blocks, firstDataBlock + (group + 1) * groupBlocks) - 1;
        long inodeBlocks = Math.ceilDiv((long) groupInodes * inodeBytes, (long) blockBytes);
        for (int field = 0; field <= 8; field += 4) {
            long block = block(descriptor, field);
            long length = field == 8 ? inodeBlocks : 1;
            if (block < firstDataBlock || block + length > blocks || length > last + 1) {
                return false;
            }
        }
        return free(descriptor, 12) <= groupBlocks && free(descriptor, 14) <= groupInodes;
    }

    private long block(Piece descriptor, int field) {
        long high = descriptorBytes == WIDE ? (long) descriptor.getInt(NARROW + field) << 32 : 0;
        return (descriptor.getInt(field) & 0xFFFF_FFFFL) | high;
    }

    private int free(Piece descriptor, int field) {
        int high = descriptorBytes == WIDE ? (descriptor.getShort(NARROW + field) & 0xFFFF) << 16 : 0;
        return (descriptor.getShort(field) & 0xFFFF) | high;
    }

    /** The bitmaps and inodes of a group, as far as somebody asks. */
    private void contents(Piece descriptor, long group) throws ReadFailed {
        bitmap(descriptor, 0, (int) groupBlocks, free(descriptor, 12), 24);
        bitmap(descriptor, 4, groupInodes, free(descriptor, 14), 26);
        long table = block(descriptor, 8);
        for (int inode = 0; inode < groupInodes; inode++) {
            long at = table * blockBytes + (long) inode * inodeBytes;
            if (table >= blocks || !asks(at)) {
                return;
            }
            if (inode(Piece.little(content, at, inodeBytes), group * groupInodes + inode + 1)) {
                testimony.accounts(content, at, inodeBytes);
            }
        }
    }

    private void bitmap(Piece descriptor, int field, int bits, int free, int sumAt) throws ReadFailed {
        long at = block(descriptor, field) * blockBytes;
        if (block(descriptor, field) >= blocks || !asks(at)) {
            return;
        }
        byte[] bitmap = Arrays.copyOf(Piece.little(content, at, blockBytes).bytes(), bits / 8);
        boolean right;
        if (summed) {
            int stated = descriptor.getShort(sumAt) & 0xFFFF;
            int mask = 0xFFFF;
            if (descriptorBytes == WIDE) {
                stated |= (descriptor.getShort(NARROW + sumAt) & 0xFFFF) << 16;
                mask = ~0;
            }
            right = (sum(seed, bitmap) & mask) == stated;
        } else {
            int zeroes = bitmap.length * 8;
            for (byte each : bitmap) {
                zeroes -= Integer.bitCount(each & 0xFF);
            }
            right = zeroes == free;
        }
        if (right) {
            testimony.accounts(content, at, bitmap.length);
            byte[] rest = Piece.little(content, at + bitmap.length, blockBytes - bitmap.length)
                    .bytes();
            boolean filled = true;
            for (byte each : rest) {
                filled &= each == (byte) 0xFF;
            }
            if (filled) {
                testimony.accounts(content, at + bitmap.length, rest.length);
            }
        }
    }

    private boolean inode(Piece inode, long number) {
        if (summed) {
            byte[] bytes = inode.bytes().clone();
            bytes[124] = bytes[125] = 0;
            int stated = inode.getShort(124) & 0xFFFF;
            int mask = 0xFFFF;
            if (inodeBytes > INODE_LEAST && (inode.getShort(128) & 0xFFFF) >= 4) {
                bytes[130] = bytes[131] = 0;
                stated |= (inode.getShort(130) & 0xFFFF) << 16;
                mask = ~0;
            }
            int sum = sum(sum(seed, number(number)), Arrays.copyOfRange(inode.bytes(), 100, 104));
            return (sum(sum, bytes) & mask) == stated;
        }
        int mode = inode.getShort(0) & 0xFFFF;
        boolean live =
                (KINDS_OF_FILES >>> (mode >>> 12) & 1) != 0 && (inode.getShort(26) != 0 || inode.getInt(20) != 0);
        return live || (mode == 0 && number <= RESERVED_INODES);
    }

    private List<Long> groupsWithCopies() {
        List<Long> copies = new ArrayList<>();
        for (long group = 1; group < Math.min(groups, GROUPS_MOST) && copies.size() < blockBytes / 4; group++) {
            if (ExtFileSystem.holdsCopy(superblock, group)) {
                copies.add(group);
            }
        }
        return copies;
    }

    /** A block that is kept for a longer table lists where its copies are kept: as far from the beginnings of their groups as itself. */
    private void keptForTheTable(long block, List<Long> copies) throws ReadFailed {
        long at = block * blockBytes;
        if (!asks(at)) {
            return;
        }
        Piece list = Piece.little(content, at, blockBytes);
        for (int i = 0; i < blockBytes / 4; i++) {
            long right = i < copies.size() ? block + copies.get(i) * groupBlocks : 0;
            if (list.getInt(4 * i) != (int) right) {
                return;
            }
        }
        testimony.accounts(content, at, blockBytes);
    }

    private static byte[] number(long number) {
        return new byte[] {(byte) number, (byte) (number >>> 8), (byte) (number >>> 16), (byte) (number >>> 24)};
    }

    /** CRC-32C as ext4 chains it: begun with any value, and not inverted at the end. */
    private static int sum(int from, byte[] bytes) {
        int sum = from;
        for (byte each : bytes) {
            sum ^= each & 0xFF;
            for (int bit = 0; bit < 8; bit++) {
                sum = (sum >>> 1) ^ (POLYNOMIAL & -(sum & 1));
            }
        }
        return sum;
    }
}
