package redoubt.metadata.md1;

import java.util.Optional;
import redoubt.base.Sectors;
import redoubt.metadata.LittleEndian;

/**
 * The head of a write-intent bitmap (docs/FORMATS.md, "Bitmap"), so far as a reader of the array wants to know it: the bitmap itself only
 * shortens a resync.
 *
 * <pre>
 *   0 magic 6d746962 (4)   4 version (4)     8 uuid (16)     24 events (8)      32 events_cleared (8)   40 sync_size (8)
 *  48 state (4)           52 chunksize (4)  56 daemon_sleep (4)                 60 write_behind (4)     64 sectors_reserved (4)
 *  68 nodes (4)           72 cluster_name (64)                                 136 pad (120)           256 bits
 * </pre>
 *
 * @param events up to which it was kept, unsigned
 * @param syncSectors sectors that it covers
 * @param chunkBytes bytes that a bit stands for; a power of two of 512 or more
 */
record Md1Bitmap(long events, long syncSectors, int chunkBytes) {

    static final int HEADER_BYTES = 256;

    private static final int MAGIC = 0x6D746962;
    private static final int EVENTS_AT = 24;
    private static final int SYNC_SIZE_AT = 40;
    private static final int CHUNK_AT = 52;
    private static final int PAGE_BYTES = 4096;

    /** Empty where there is none that can be believed: then Linux resyncs everything. */
    static Optional<Md1Bitmap> decode(byte[] block) {
        int chunk = LittleEndian.word(block, CHUNK_AT);
        long size = LittleEndian.long64(block, SYNC_SIZE_AT);
        boolean sound = LittleEndian.word(block, 0) == MAGIC
                && chunk >= Sectors.BYTES
                && Integer.bitCount(chunk) == 1
                && size >= 0;
        return sound
                ? Optional.of(new Md1Bitmap(LittleEndian.long64(block, EVENTS_AT), size, chunk))
                : Optional.empty();
    }

    /** What it takes on the disk, in whole pages. */
    long sectors() {
        long bits = syncSectors / (chunkBytes / Sectors.BYTES);
        long bytes = HEADER_BYTES + ((bits + 7) >>> 3);
        return Sectors.ofBytes(Math.ceilDiv(bytes, PAGE_BYTES) * PAGE_BYTES);
    }
}
