package redoubt.block;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import redoubt.base.IndexStack;

/**
 * All the memory that requests carry: one native segment, allocated and touched at construction, cut into buffers of a few
 * sizes. Nothing is allocated afterwards. When a size has no buffer left, {@link #take} answers null and the asker stops reading
 * from its client; memory is never waited for further down.
 *
 * <p>A buffer returns here when its last holder lets go. A call that hangs in a member holds the buffer it writes into or reads
 * from, so that memory is in quarantine until the call returns, and is never given to somebody else before.
 *
 * <p>Free buffers of a size form a lock-free stack of indexes; the head carries a tag that changes with each push and pop, so that
 * a head which went away and came back is not mistaken for one that stayed.
 */
public final class IoMemory implements AutoCloseable {

    /** Every buffer starts at a multiple of this, in bytes: enough for O_DIRECT and for a page. */
    public static final int ALIGNMENT_BYTES = 4096;

    /**
     * How many buffers of one size to cut.
     *
     * @param bufferBytes size of each, a multiple of {@link #ALIGNMENT_BYTES}
     * @param count how many
     * @param reserved how many of them only {@link #takeReserved} gives out: for going on when a call hangs with a buffer
     */
    public record Cut(int bufferBytes, int count, int reserved) {
        /** Checks that the buffers can exist. */
        public Cut {
            if (bufferBytes <= 0 || bufferBytes % ALIGNMENT_BYTES != 0) {
                throw new IllegalArgumentException(
                        "a buffer is no multiple of " + ALIGNMENT_BYTES + " bytes: " + bufferBytes);
            }
            if (count < 1 || reserved < 0 || reserved >= count) {
                throw new IllegalArgumentException(count + " buffers of " + bufferBytes + " bytes, " + reserved
                        + " of them reserved, leave none to use");
            }
        }
    }

    private final MemorySegment segment;
    private final ByteBuffer whole;
    private final Shelf[] shelves;

    /**
     * Allocates and touches the memory.
     *
     * @param cuts by rising buffer size; together less than 2 GiB
     */
    public IoMemory(Cut... cuts) {
        long total = 0;
        for (int i = 0; i < cuts.length; i++) {
            if (i > 0 && cuts[i].bufferBytes <= cuts[i - 1].bufferBytes) {
                throw new IllegalArgumentException("buffer sizes do not rise");
            }
            total = Math.addExact(total, Math.multiplyExact((long) cuts[i].bufferBytes, cuts[i].count));
        }
        if (cuts.length == 0 || total > Integer.MAX_VALUE - ALIGNMENT_BYTES) {
            throw new IllegalArgumentException("buffers of together " + total + " bytes cannot be one piece of memory");
        }
        // Not an arena's: a buffer with a scope costs an atomic update in each call on a channel, and memory in a
        // gathering one.
        whole = ByteBuffer.allocateDirect(Math.toIntExact(total + ALIGNMENT_BYTES))
                .alignedSlice(ALIGNMENT_BYTES)
                .order(ByteOrder.LITTLE_ENDIAN);
        segment = MemorySegment.ofBuffer(whole);
        segment.fill((byte) 0);
        shelves = new Shelf[cuts.length];
        int at = 0;
        for (int i = 0; i < cuts.length; i++) {
            shelves[i] = new Shelf(this, i, cuts[i], at);
            at += cuts[i].bufferBytes * cuts[i].count;
        }
    }

    /**
     * The smallest free buffer that holds so many bytes, with one holder; null when there is none. Buffers of larger sizes are not
     * used up for small ones: a flood of small requests leaves the large ones alone.
     */
    public @Nullable IoBuffer take(int bytes) {
        for (Shelf shelf : shelves) {
            if (bytes <= shelf.bufferBytes) {
                return shelf.take(shelf.reserved);
            }
        }
        return null;
    }

    /** As {@link #take}, but also from the reserve: only for a request that has begun and must go on. */
    public @Nullable IoBuffer takeReserved(int bytes) {
        for (Shelf shelf : shelves) {
            if (bytes <= shelf.bufferBytes) {
                return shelf.take(0);
            }
        }
        return null;
    }

    /** How many buffers {@link #take} could give for this many bytes; 0 where none is as large. */
    public int freeFor(int bytes) {
        for (Shelf shelf : shelves) {
            if (bytes <= shelf.bufferBytes) {
                return Math.max(0, shelf.free() - shelf.reserved);
            }
        }
        return 0;
    }

    /** The size of the largest buffer. */
    public int largestBytes() {
        return shelves[shelves.length - 1].bufferBytes;
    }

    /** How many buffers lie free, over all sizes. */
    public int free() {
        int free = 0;
        for (Shelf shelf : shelves) {
            free += shelf.free();
        }
        return free;
    }

    /** How many buffers there are, over all sizes. */
    public int total() {
        int total = 0;
        for (Shelf shelf : shelves) {
            total += shelf.buffers.length;
        }
        return total;
    }

    MemorySegment segment() {
        return segment;
    }

    /**
     * A view of the whole memory with a position and limit of its own, for one thread that makes calls with it. Allocates: made
     * once a thread, kept.
     */
    public ByteBuffer newView() {
        return whole.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    }

    void giveBack(IoBuffer buffer) {
        shelves[buffer.shelf].push(buffer.index);
    }

    /** Gives the memory up: it is freed when nothing refers to it any more, which a quarantined buffer does. */
    @Override
    public void close() {}

    /** The buffers of one size. */
    private static final class Shelf {
        final int bufferBytes;
        final int reserved;
        final IoBuffer[] buffers;
        private final IndexStack unused;
        private final AtomicInteger freeCount;

        Shelf(IoMemory memory, int shelf, Cut cut, int at) {
            bufferBytes = cut.bufferBytes;
            reserved = cut.reserved;
            buffers = new IoBuffer[cut.count];
            for (int i = 0; i < cut.count; i++) {
                buffers[i] = new IoBuffer(memory, shelf, i, at + i * cut.bufferBytes, cut.bufferBytes);
            }
            unused = new IndexStack(cut.count);
            freeCount = new AtomicInteger(cut.count);
        }

        @Nullable
        IoBuffer take(int leaving) {
            // The count is lowered before the stack is popped and raised after it is pushed: a grant always finds a
            // buffer.
            while (true) {
                int seen = freeCount.get();
                if (seen <= leaving) {
                    return null;
                }
                if (freeCount.compareAndSet(seen, seen - 1)) {
                    break;
                }
            }
            IoBuffer buffer = buffers[unused.pop()];
            buffer.taken();
            return buffer;
        }

        void push(int index) {
            unused.push(index);
            freeCount.getAndIncrement();
        }

        int free() {
            return freeCount.get();
        }
    }
}
