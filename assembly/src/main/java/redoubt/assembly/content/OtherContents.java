package redoubt.assembly.content;

import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;
import redoubt.metadata.ReadFailed;

/**
 * Contents with few structures at known places.
 *
 * <ul>
 *   <li>btrfs: a superblock at 64 KiB with copies at 64 MiB and 256 GiB, each with a checksum and its own place;
 *   <li>LVM: a label that names its own sector, which points to the metadata;
 *   <li>LUKS: a header, and in its second version a copy at a place that it names;
 *   <li>swap: a word at the end of the first page.
 * </ul>
 */
final class OtherContents {

    private static final long BTRFS_MAGIC = 0x4D5F_5366_5248_425FL;
    private static final long[] BTRFS_PLACES = {64L << 10, 64L << 20, 256L << 30};
    private static final int BTRFS_BYTES = 4096;
    private static final long LVM_LABEL = 0x454E_4F4C_4542_414CL;
    private static final long LVM_METADATA = 0x5B78_2032_4D56_4C20L;
    private static final int LUKS_FIRST = 0x4C55_4B53;
    private static final int LUKS_SECOND = 0x534B_554C;
    private static final short LUKS_END = (short) 0xBABE;
    private static final int SWAP_PAGE_BYTES = 4096;
    private static final int SWAP_WORD_AT = 4086;

    private OtherContents() {}

    /** 1028 number of the last page (4)   4086 the word. */
    static Fit swap(Content content, Testimony testimony) throws ReadFailed {
        Piece swap = Piece.little(content, 0, SWAP_PAGE_BYTES);
        if (!new String(swap.bytes(), SWAP_WORD_AT, 10, StandardCharsets.ISO_8859_1).equals("SWAPSPACE2")) {
            return Fit.ABSENT;
        }
        testimony.found("swap header", 1);
        return Fit.of(((swap.getInt(1028) & 0xFFFF_FFFFL) + 1) * SWAP_PAGE_BYTES, content.size());
    }

    /**
     * 0 checksum (32)   48 own place (8)   64 magic (8)   112 bytes in all (8)   196 kind of checksum (2), 0 is CRC-32C   209 bytes of this device
     * (8).
     */
    static Fit btrfs(Content content, Testimony testimony) throws ReadFailed {
        Piece first = Piece.little(content, BTRFS_PLACES[0], BTRFS_BYTES);
        if (first.getLong(64) != BTRFS_MAGIC) {
            return Fit.ABSENT;
        }
        for (long place : BTRFS_PLACES) {
            if (place <= content.size() - BTRFS_BYTES && place <= first.getLong(112) - BTRFS_BYTES) {
                Piece superblock = Piece.little(content, place, BTRFS_BYTES);
                CRC32C sum = new CRC32C();
                sum.update(superblock.bytes(), 32, BTRFS_BYTES - 32);
                boolean summed = superblock.getShort(196) != 0 || superblock.getInt(0) == (int) sum.getValue();
                boolean right = superblock.getLong(64) == BTRFS_MAGIC && superblock.getLong(48) == place;
                testimony.check(right && summed, "btrfs superblock", 3);
            }
        }
        return Fit.of(first.getLong(209), content.size());
    }

    /**
     * Label: 0 "LABELONE"   8 own sector (8)   20 offset of the header in it (4). Header: 0 UUID (32)   32 size of the whole (8), then pairs of offset and size (8, 8): data
     * areas, a pair of zeroes, metadata areas.
     */
    static Fit lvm(Content content, Testimony testimony) throws ReadFailed {
        Fit fit = Fit.ABSENT;
        for (int sector = 0; sector < 4; sector++) {
            Piece label = Piece.little(content, sector * 512L, 512);
            if (label.getLong(0) == LVM_LABEL && label.getLong(8) == sector) {
                testimony.found("LVM label", 2);
                int at = label.getInt(20) + 40;
                fit = at >= 40 && at <= 504 ? Fit.of(label.getLong(at - 8), content.size()) : Fit.LOOSE;
                while (at > 40 && at < 480 && label.getLong(at) != 0) {
                    at += 16;
                }
                if (at > 40 && at < 464) {
                    long metadata = label.getLong(at + 16);
                    Piece header = Piece.little(content, metadata, 24);
                    testimony.check(header.getLong(4) == LVM_METADATA, "LVM metadata", 2);
                }
            }
        }
        return fit;
    }

    /** A header says nothing of the size of what it is in front of. */
    static Fit luks(Content content, Testimony testimony) throws ReadFailed {
        Piece header = Piece.big(content, 0, 16);
        if (header.getInt(0) != LUKS_FIRST || header.getShort(4) != LUKS_END) {
            return Fit.ABSENT;
        }
        testimony.found("LUKS header", 2);
        if (header.getShort(6) == 2) {
            long second = header.getLong(8);
            Piece copy = Piece.big(content, second, 16);
            testimony.check(copy.getInt(0) == LUKS_SECOND && copy.getShort(4) == LUKS_END, "LUKS header copy", 3);
        }
        return Fit.LOOSE;
    }
}
