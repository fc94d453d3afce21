package redoubt.base;

/**
 * A run of bytes on a device: {@code [offset, offset + length)}.
 *
 * @param offset first byte, not negative
 * @param length number of bytes, not negative; the end must fit 63 bits
 */
public record Extent(long offset, long length) {

    /** Checks that the run can exist. */
    public Extent {
        if (offset < 0 || length < 0 || offset > Long.MAX_VALUE - length) {
            throw new IllegalArgumentException("no such run of bytes: offset " + offset + ", length " + length);
        }
    }

    /** The byte behind the last. */
    public long end() {
        return offset + length;
    }
}
