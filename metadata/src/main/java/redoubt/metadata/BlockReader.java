package redoubt.metadata;

/**
 * How a codec sees a disk. The caller owns the disk, the lock on it and the time limit of each read; a codec asks for few and
 * small ranges, one after another, and keeps nothing of the reader.
 */
@FunctionalInterface
public interface BlockReader {

    /**
     * Reads exactly so many bytes.
     *
     * @param offsetBytes a multiple of the disk's sector size
     * @param lengthBytes a multiple of the disk's sector size, at most 128 KiB
     * @return a fresh array of that length, which the codec may keep
     * @throws ReadFailed if they cannot all be read
     */
    byte[] read(long offsetBytes, int lengthBytes) throws ReadFailed;
}
