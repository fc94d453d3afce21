package redoubt.block;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Reads of what lies in the page cache, on the caller's thread: preadv2 with RWF_NOWAIT, which answers what is there and never waits
 * for the disk. What is not there goes to the lane.
 *
 * <p>The call wants a struct iovec in memory. There are 64 of them, and {@code busy} says which are taken; a reader that finds none goes
 * to the lane. The same bits keep the descriptor open: a reader takes its bit and then looks at {@code closed}; whoever closes sets
 * {@code closed} and then waits until no bit is set, which cannot be long.
 *
 * <p>Where reads miss again and again, asking first is a system call wasted. After {@link #MISSES_UNTIL_RELUCTANT} misses in a row only
 * one read in {@link #RELUCTANT_PERIOD} asks. The two counters are plain and may lose an update, which costs a try.
 */
final class CachedReads {

    private static final int SLOTS = Long.SIZE;
    private static final int SLOT_BYTES = 64; // a cache line each
    private static final int MISSES_UNTIL_RELUCTANT = 8;
    private static final int RELUCTANT_PERIOD = 16;

    private final int descriptor;
    private final MemorySegment iovecs;
    private final AtomicLong busy = new AtomicLong();
    private volatile boolean closed;
    private int missesInARow;
    private int turn;

    /** Reads from this descriptor, which is to stay open until {@link #close}. */
    CachedReads(int descriptor) {
        this.descriptor = descriptor;
        this.iovecs = Arena.ofAuto().allocate((long) SLOTS * SLOT_BYTES, SLOT_BYTES);
    }

    /** Whether the kernel can do this for the file. */
    boolean supported() {
        return Linux.canReadCached(descriptor, iovecs);
    }

    /** Reads if all of it is cached; otherwise answers false, and the buffer holds nothing of use. */
    boolean read(IoRequest request) {
        if (missesInARow >= MISSES_UNTIL_RELUCTANT) {
            turn++;
            if (turn % RELUCTANT_PERIOD != 0) {
                return false;
            }
        }
        long seen = busy.get();
        long bit = Long.lowestOneBit(~seen);
        if (bit == 0 || !busy.compareAndSet(seen, seen | bit)) {
            return false;
        }
        long moved = -1;
        if (!closed) {
            long slot = (long) Long.numberOfTrailingZeros(bit) * SLOT_BYTES;
            iovecs.set(ValueLayout.JAVA_LONG, slot, request.address());
            iovecs.set(ValueLayout.JAVA_LONG, slot + Long.BYTES, request.length());
            moved = Linux.readCached(descriptor, iovecs.address() + slot, request.offset());
        }
        release(bit);
        if (moved == request.length()) {
            missesInARow = 0;
            return true;
        }
        missesInARow++;
        return false;
    }

    private void release(long bit) {
        long seen = busy.get();
        while (!busy.compareAndSet(seen, seen & ~bit)) {
            seen = busy.get();
        }
    }

    /** Lets go of the descriptor: afterwards no call uses it. */
    void close() {
        closed = true;
        while (busy.get() != 0) {
            LockSupport.parkNanos(this, 100_000);
        }
    }
}
