package redoubt.md;

import java.util.concurrent.atomic.AtomicInteger;
import redoubt.block.BlockDevice;
import redoubt.block.IoRequest;

/**
 * A disk in a slot of an array. Immutable but for its counters, which any thread raises and which steer nothing but the choice of a
 * mirror and the error limit.
 */
public final class Member {

    private static final int READ_ERROR_PLACES = 64;

    private final int slot;
    private final String name;
    private final BlockDevice device;
    private final long dataOffset;
    private final AtomicInteger readsInFlight = new AtomicInteger();
    private final ReadErrors readErrors = new ReadErrors(READ_ERROR_PLACES);
    private volatile long nextSequential = -1; // a hint: racing readers may overwrite each other's

    /**
     * Puts a disk into a slot.
     *
     * @param slot 0 to 63
     * @param name how users know the disk: its serial, or its path
     * @param dataOffset where on the device the array's part begins, in bytes
     */
    public Member(int slot, String name, BlockDevice device, long dataOffset) {
        if (slot < 0 || slot >= ArrayView.SLOTS_LIMIT) {
            throw new IllegalArgumentException("a member in slot " + slot);
        }
        this.slot = slot;
        this.name = name;
        this.device = device;
        this.dataOffset = dataOffset;
    }

    /** Its slot. */
    public int slot() {
        return slot;
    }

    /** How users know it. */
    public String name() {
        return name;
    }

    /** The disk. */
    public BlockDevice device() {
        return device;
    }

    /** Where on the device the array's part begins, in bytes. */
    public long dataOffset() {
        return dataOffset;
    }

    /** Reads sent and not answered; personalities count with it. */
    public AtomicInteger readsInFlight() {
        return readsInFlight;
    }

    /** Reads that the disk could not do since assembly. */
    public int readErrors() {
        return readErrors.met();
    }

    /** Counts a read that failed; answers how many places the disk cannot read, as {@link ReadErrors#count} knows them. */
    int countReadError(IoRequest read, long nowNanos) {
        return readErrors.count(read.offset(), read.offset() + read.length(), nowNanos);
    }

    /** Where the last read ended, in bytes from {@link #dataOffset}. */
    public long nextSequential() {
        return nextSequential;
    }

    /** Remembers where a read ends. */
    public void nextSequential(long memberOffset) {
        nextSequential = memberOffset;
    }

    /** Sends a request whose offset already counts from the start of the device. */
    public void submit(IoRequest request) {
        device.submit(request);
    }
}
