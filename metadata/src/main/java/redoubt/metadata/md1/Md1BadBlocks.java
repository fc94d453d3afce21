package redoubt.metadata.md1;

import java.util.ArrayList;
import java.util.List;
import redoubt.base.Extent;
import redoubt.base.Sectors;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.LittleEndian;
import redoubt.metadata.MetadataRefused;

/**
 * The bad block log of one member (docs/FORMATS.md, "Bad block log 1"): entries of 8 bytes, bits 63 to 10 the first block, counted from the start of
 * the disk, and bits 9 to 0 how many; a block has 2^{@code bblog_shift} sectors. All ones end the log.
 *
 * @param entries what is recorded, as it stands
 * @param shift of {@code bblog_shift}
 */
record Md1BadBlocks(List<Long> entries, int shift) {

    /** The most that Linux reads: a page. */
    static final int SECTORS_MAX = 8;

    static final Md1BadBlocks NONE = new Md1BadBlocks(List.of(), 0);

    private static final long END = -1;
    private static final int ENTRY_BYTES = 8;
    private static final int LENGTH_BITS = 10;

    Md1BadBlocks {
        entries = List.copyOf(entries);
    }

    /**
     * Reads a log.
     *
     * @param sector where it stands
     */
    static Md1BadBlocks decode(byte[] log, int shift, long sector, DiskGeometry geometry) throws MetadataRefused {
        List<Long> entries = new ArrayList<>();
        for (int at = 0; at < log.length && LittleEndian.long64(log, at) != END; at += ENTRY_BYTES) {
            long entry = LittleEndian.long64(log, at);
            long blocks = geometry.sizeSectors() >>> shift;
            if (length(entry) == 0 || first(entry) > blocks - length(entry)) {
                throw Md1Rules.refused(
                        "bad block log",
                        sector,
                        at,
                        "%d blocks from block %d on, and the disk has %d"
                                .formatted(length(entry), first(entry), blocks));
            }
            entries.add(entry);
        }
        return new Md1BadBlocks(entries, shift);
    }

    /** The log as it stands on the disk. */
    byte[] encode(int sectors) {
        byte[] log = new byte[sectors * Sectors.BYTES];
        java.util.Arrays.fill(log, (byte) END);
        for (int i = 0; i < entries.size(); i++) {
            LittleEndian.putLong64(log, i * ENTRY_BYTES, entries.get(i));
        }
        return log;
    }

    private static long first(long entry) {
        return entry >>> LENGTH_BITS;
    }

    private static long length(long entry) {
        return entry & (1 << LENGTH_BITS) - 1;
    }

    /** The same in bytes, from the start of the disk. */
    List<Extent> extents() {
        return entries.stream()
                .map(entry ->
                        new Extent(Sectors.toBytes(first(entry) << shift), Sectors.toBytes(length(entry) << shift)))
                .toList();
    }
}
