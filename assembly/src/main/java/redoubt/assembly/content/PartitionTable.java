package redoubt.assembly.content;

import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;
import redoubt.metadata.ReadFailed;

/**
 * Partition tables: GPT, which carries checksums, its own place and a second copy at the very end, and MBR, which carries next to nothing.
 *
 * <pre>
 * GPT header:  0 "EFI PART"   12 header size (4)   16 CRC of it (4)   24 own LBA (8)   32 other copy's LBA (8)
 *             72 LBA of the entries (8)   80 how many (4)   84 size of each (4)   88 CRC of them (4)
 * </pre>
 */
final class PartitionTable {

    /** A partition, in bytes. */
    record Partition(long offset, long bytes) {}

    /**
     * What was found.
     *
     * @param fit a GPT fills what it stands in if its second copy is in the last sector; an MBR does not say
     */
    record Found(Fit fit, List<Partition> partitions) {
        static final Found NOTHING = new Found(Fit.ABSENT, List.of());
    }

    private static final long GPT_SIGNATURE = 0x5452_4150_2049_4645L;
    private static final int GPT_HEADER_BYTES = 92;
    private static final int ENTRIES_BYTES_MAX = 1 << 17;
    private static final int PARTITIONS_MAX = 16;
    private static final int[] SECTOR_BYTES = {512, 4096};

    private PartitionTable() {}

    static Found look(Content content, Testimony testimony) throws ReadFailed {
        for (int sector : SECTOR_BYTES) {
            Piece header = Piece.little(content, sector, GPT_HEADER_BYTES);
            if (header.getLong(0) == GPT_SIGNATURE) {
                return gpt(content, header, sector, testimony);
            }
        }
        return mbr(content, testimony);
    }

    private static Found gpt(Content content, Piece header, int sector, Testimony testimony) throws ReadFailed {
        if (!wholeHeader(header, 1)) {
            testimony.missed();
            return new Found(Fit.LOOSE, List.of());
        }
        testimony.found("GPT header", 3);
        testimony.accounts(content, 0, 2L * sector);
        List<Partition> partitions = entries(content, header, sector, testimony);
        long other = header.getLong(32);
        long last = content.size() / sector - 1;
        Piece copy = Piece.little(content, other > 1 && other <= last ? other * sector : -1, GPT_HEADER_BYTES);
        boolean there = copy.getLong(0) == GPT_SIGNATURE && wholeHeader(copy, other);
        testimony.check(there, "GPT header at the end", 3);
        return new Found(there && other == last ? Fit.FILLS : Fit.LOOSE, partitions);
    }

    private static boolean wholeHeader(Piece header, long ownBlock) {
        byte[] bytes = header.bytes().clone();
        int stated = header.getInt(16);
        bytes[16] = bytes[17] = bytes[18] = bytes[19] = 0;
        CRC32 sum = new CRC32();
        sum.update(bytes, 0, GPT_HEADER_BYTES);
        return header.getInt(12) == GPT_HEADER_BYTES
                && stated == (int) sum.getValue()
                && header.getLong(24) == ownBlock;
    }

    private static List<Partition> entries(Content content, Piece header, int sector, Testimony testimony)
            throws ReadFailed {
        long at = header.getLong(72);
        long count = header.getInt(80) & 0xFFFF_FFFFL;
        int size = header.getInt(84);
        long last = content.size() / sector;
        if (at < 2 || at > last || size < 128 || size > 4096 || count < 1 || count > ENTRIES_BYTES_MAX / size) {
            testimony.missed();
            return List.of();
        }
        Piece table = Piece.little(content, at * sector, (int) count * size);
        CRC32 sum = new CRC32();
        sum.update(table.bytes());
        boolean whole = header.getInt(88) == (int) sum.getValue();
        testimony.check(whole, "GPT entries", 3);
        if (whole) {
            testimony.accounts(content, at * sector, count * size);
        }
        List<Partition> partitions = new ArrayList<>();
        for (int i = 0; whole && i < count && partitions.size() < PARTITIONS_MAX; i++) {
            int entry = i * size;
            boolean used = table.getLong(entry) != 0 || table.getLong(entry + 8) != 0;
            if (used) {
                add(partitions, content, table.getLong(entry + 32), table.getLong(entry + 40), sector, testimony);
            }
        }
        return partitions;
    }

    private static void add(
            List<Partition> partitions, Content content, long first, long last, int sector, Testimony testimony) {
        if (first > 0 && last >= first && last < content.size() / sector) {
            partitions.add(new Partition(first * sector, (last - first + 1) * sector));
        } else {
            testimony.missed();
        }
    }

    /** Four entries from byte 446, 16 bytes each: 4 type, 8 first sector (4), 12 sectors (4). */
    private static Found mbr(Content content, Testimony testimony) throws ReadFailed {
        Piece sector = Piece.little(content, 0, 512);
        if (sector.getShort(510) != (short) 0xAA55) {
            return Found.NOTHING;
        }
        List<Partition> partitions = new ArrayList<>();
        for (int entry = 446; entry < 510; entry += 16) {
            int status = sector.get(entry) & 0xFF;
            long first = sector.getInt(entry + 8) & 0xFFFF_FFFFL;
            long count = sector.getInt(entry + 12) & 0xFFFF_FFFFL;
            if (status != 0 && status != 0x80) {
                return Found.NOTHING; // a boot sector of a file system, whose code stands here
            }
            if (sector.get(entry + 4) != 0 && count != 0) {
                if (first == 0 || (first + count) * 512 > content.size()) {
                    testimony.missed();
                    return new Found(Fit.LOOSE, List.of());
                }
                partitions.add(new Partition(first * 512, count * 512));
            }
        }
        if (partitions.isEmpty()) {
            return Found.NOTHING;
        }
        testimony.found("MBR", 1);
        return new Found(Fit.LOOSE, partitions);
    }
}
