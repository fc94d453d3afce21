package redoubt.base;

/** The field's unit of counting: 512 bytes, whatever the disk's own block size is. */
public final class Sectors {

    /** Bytes in a sector. */
    public static final int BYTES = 512;

    private Sectors() {}

    /**
     * Sectors to bytes.
     *
     * @throws ArithmeticException if the bytes do not fit 63 bits
     */
    public static long toBytes(long sectors) {
        return Math.multiplyExact(sectors, (long) BYTES);
    }

    /** Whole sectors in so many bytes. */
    public static long ofBytes(long bytes) {
        return bytes / BYTES;
    }
}
