package redoubt.block;

/**
 * What a device can do. A value, fixed while the device is open.
 *
 * @param sizeBytes size; requests end within it
 * @param blockBytes smallest unit: offset and length of every request are multiples of it; a power of two
 * @param preferredBytes unit at which the device works best (stripe or page), a multiple of {@code blockBytes}
 * @param maxTransferBytes longest READ or WRITE request; those that move no bytes may be of any length
 * @param readOnly whether every change is answered {@link IoStatus#READ_ONLY}
 * @param trims whether TRIM frees space and the range reads as zeroes afterwards, each time; where it is false, TRIM is answered OK
 *     and changes nothing, since a mirror may not differ from its twin
 * @param fastZeroes whether WRITE_ZEROES is quicker than writing zeroes
 * @param rotational whether distance on the medium costs time
 */
public record BlockLimits(
        long sizeBytes,
        int blockBytes,
        int preferredBytes,
        int maxTransferBytes,
        boolean readOnly,
        boolean trims,
        boolean fastZeroes,
        boolean rotational) {

    /** Checks that a device can be like this. */
    public BlockLimits {
        if (sizeBytes < 0) {
            throw new IllegalArgumentException("the size of a device is negative: " + sizeBytes);
        }
        if (blockBytes < 1 || Integer.bitCount(blockBytes) != 1) {
            throw new IllegalArgumentException("the block of a device is not a power of two: " + blockBytes);
        }
        if (preferredBytes < blockBytes || preferredBytes % blockBytes != 0) {
            throw new IllegalArgumentException("the preferred size is no multiple of the block: " + preferredBytes);
        }
        if (maxTransferBytes < blockBytes || maxTransferBytes % blockBytes != 0) {
            throw new IllegalArgumentException("the longest transfer is no multiple of the block: " + maxTransferBytes);
        }
    }

    /** Whether a request of this range may be sent: aligned, inside the device, not longer than a transfer may be. */
    public boolean admits(IoOperation operation, long offset, long length) {
        long mask = blockBytes - 1L;
        if (operation == IoOperation.FLUSH) {
            return offset == 0 && length == 0;
        }
        if (offset < 0 || length <= 0 || ((offset | length) & mask) != 0 || offset > sizeBytes - length) {
            return false;
        }
        return length <= maxTransferBytes || !operation.movesBytes();
    }

    /**
     * What every device asks before it touches anything: OK, or how the request is to be settled at once. Besides the range it looks at
     * the memory: native calls take an address and a length, and nobody below would notice that they leave the buffer.
     */
    public IoStatus check(IoRequest request) {
        IoOperation operation = request.operation();
        long offset = request.offset();
        long length = request.length();
        if (!admits(operation, offset, length)) {
            return IoStatus.INVALID;
        }
        if (operation.movesBytes() && !request.bufferHolds(length)) {
            return IoStatus.INVALID;
        }
        if (operation == IoOperation.ALLOCATION && !request.bufferHolds(2L * Long.BYTES)) {
            return IoStatus.INVALID;
        }
        return readOnly && operation.changesData() ? IoStatus.READ_ONLY : IoStatus.OK;
    }
}
