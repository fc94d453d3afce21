package redoubt.block;

/** What a request asks of a device. */
public enum IoOperation {
    /** Fill the buffer from the device. */
    READ(false, true),
    /** Write the buffer to the device. */
    WRITE(true, true),
    /** Everything acknowledged before this request was submitted is durable when it is answered. Offset and length are 0. */
    FLUSH(false, false),
    /** The content is no longer wanted; afterwards reads give anything that is the same each time. */
    TRIM(true, false),
    /** Afterwards reads give zeroes; {@link IoRequest#NO_HOLE} keeps the space allocated. */
    WRITE_ZEROES(true, false),
    /**
     * Which parts of the range hold data. The answer goes into the buffer as pairs of native-order longs, (length, flags) with
     * {@link IoRequest#ALLOCATION_HOLE} and {@link IoRequest#ALLOCATION_ZERO}, their number into {@link IoRequest#result}.
     */
    ALLOCATION(false, false);

    private final boolean changesData;
    private final boolean movesBytes;

    IoOperation(boolean changesData, boolean movesBytes) {
        this.changesData = changesData;
        this.movesBytes = movesBytes;
    }

    /** Whether a member's content may differ afterwards: what the write gate holds back. */
    public boolean changesData() {
        return changesData;
    }

    /** Whether {@code length} bytes of the buffer take part. */
    public boolean movesBytes() {
        return movesBytes;
    }
}
