package redoubt.metadata.imsm;

import redoubt.metadata.DiskGeometry;
import redoubt.metadata.LittleEndian;
import redoubt.metadata.MetadataRefused;

/**
 * The raw metadata block in its own order, anchor first, as it is being decoded: knows how long it says it is and where on the disk each
 * byte stands, so that a refusal can say so.
 */
final class ImsmMpb {

    private static final String REMEDY = "use the copy on another member, or restore a backup of this block";

    private final byte[] block;
    private final int size;
    private final DiskGeometry geometry;
    private final ImsmPlaces places;
    private final boolean highWordsValid;

    /**
     * Takes a block whose size and checksum were found right.
     *
     * @param block at least {@code size} bytes
     * @param size the block's mpb_size
     */
    ImsmMpb(byte[] block, int size, DiskGeometry geometry) {
        this.block = block;
        this.size = size;
        this.geometry = geometry;
        this.places = ImsmPlaces.of(geometry, size);
        this.highWordsValid = (LittleEndian.word(block, ImsmHeader.ATTRIBUTES_AT) & ImsmAttributes.DISK_2TB) != 0;
    }

    byte[] block() {
        return block;
    }

    int size() {
        return size;
    }

    /** How many 512-byte sectors one unit on this disk stands for: 1 or 8. */
    int unit() {
        return geometry.sectorBytes() / 512;
    }

    /** Refuses unless so many bytes from {@code at} lie inside the block. */
    void need(int at, int length, String what) throws MetadataRefused {
        if (at > size - length) {
            throw refused(
                    what,
                    Math.min(at, size - 1),
                    "it needs %d bytes, and the block ends after %d".formatted(length, size - at));
        }
    }

    /** A size or place in units of the disk, in sectors. High words are believed only where the attributes say so. */
    long sectors(int lowAt, int highAt, String what) throws MetadataRefused {
        long units = LittleEndian.joined(block, lowAt, highAt);
        if (!highWordsValid) {
            return (units * unit()) & 0xFFFF_FFFFL;
        }
        return scaled(units, lowAt, what);
    }

    /** A number that is never scaled. High words are believed only where the attributes say so. */
    long count(int lowAt, int highAt, String what) throws MetadataRefused {
        long number = LittleEndian.joined(block, lowAt, highAt);
        if (!highWordsValid) {
            return number & 0xFFFF_FFFFL;
        }
        return bounded(number, lowAt, what);
    }

    /** A number of units of the disk, in sectors. */
    long scaled(long units, int at, String what) throws MetadataRefused {
        bounded(units, at, what);
        return bounded(units * unit(), at, what);
    }

    /** Numbers have at most 51 bits, so that sectors in bytes fit 60 and the sum of a few of them never overflows. */
    private long bounded(long number, int at, String what) throws MetadataRefused {
        if (number < 0 || number >= 1L << 51) {
            throw refused(what, at, "it is " + Long.toUnsignedString(number) + ", more than any disk holds");
        }
        return number;
    }

    /** A refusal that names the place of a byte of the block. */
    MetadataRefused refused(String what, int at, String because) {
        return MetadataRefused.malformed("IMSM metadata, " + what, places.onDisk(at), because, REMEDY);
    }
}
