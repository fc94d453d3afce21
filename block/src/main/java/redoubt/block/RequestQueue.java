package redoubt.block;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * The requests that wait for a lane: a ring made at construction, many threads put in, many take out, nobody locks and nothing is
 * allocated. Each cell has a sequence number that says whose turn it is (the bounded queue of D. Vyukov): {@code tail} puts in cell
 * {@code tail & mask} when its sequence equals {@code tail}, and {@code head} takes when it equals {@code head + 1}.
 *
 * <p>When the ring is full, requests go to a spill, a stack linked through {@link IoRequest#next}. So the queue never refuses, yet is
 * bounded: by the requests that exist. The spill is only ever taken whole, which is why a plain compare-and-set on its top is
 * enough.
 *
 * <p>Beside each cell stands the time at which its request was accepted, so that the lane's beat can see how old the oldest one is
 * without touching a request that may have been answered and taken again meanwhile.
 */
final class RequestQueue {

    private static final VarHandle SEQUENCES = MethodHandles.arrayElementVarHandle(long[].class);

    private final int mask;
    private final long[] sequences;
    private final @Nullable IoRequest[] cells;
    private final long[] stamps;
    private final AtomicLong tail = new AtomicLong();
    private final AtomicLong head = new AtomicLong();
    private final AtomicReference<@Nullable IoRequest> spill = new AtomicReference<>();

    /**
     * Makes an empty queue.
     *
     * @param capacity how many requests the ring holds, a power of two
     */
    RequestQueue(int capacity) {
        if (capacity < 2 || Integer.bitCount(capacity) != 1) {
            throw new IllegalArgumentException("the capacity of a queue is not a power of two: " + capacity);
        }
        mask = capacity - 1;
        sequences = new long[capacity];
        cells = new IoRequest[capacity];
        stamps = new long[capacity];
        for (int i = 0; i < capacity; i++) {
            sequences[i] = i;
        }
    }

    /** Puts a request in; {@link IoRequest#acceptedNanos} is set. */
    void put(IoRequest request) {
        if (!offer(request)) {
            pushSpill(request);
        }
    }

    /** Takes the oldest request out, or null. */
    @Nullable
    IoRequest take() {
        IoRequest taken = poll();
        if (spill.get() != null) {
            refill();
            return taken == null ? poll() : taken;
        }
        return taken;
    }

    /**
     * When the request that would be taken next was accepted.
     *
     * @return its {@link IoRequest#acceptedNanos}, or {@code none} when there is no request or it is just being taken
     */
    long oldestNanos(long none) {
        long at = head.get();
        int cell = (int) at & mask;
        if ((long) SEQUENCES.getAcquire(sequences, cell) != at + 1) {
            return none;
        }
        long stamp = stamps[cell];
        // The stamp counts only if the cell was not taken, and filled again, while it was read.
        VarHandle.loadLoadFence();
        return head.get() == at ? stamp : none;
    }

    private boolean offer(IoRequest request) {
        while (true) {
            long at = tail.get();
            int cell = (int) at & mask;
            long turn = (long) SEQUENCES.getAcquire(sequences, cell) - at;
            if (turn == 0) {
                if (tail.compareAndSet(at, at + 1)) {
                    cells[cell] = request;
                    stamps[cell] = request.acceptedNanos;
                    SEQUENCES.setRelease(sequences, cell, at + 1);
                    return true;
                }
            } else if (turn < 0) {
                return false;
            }
        }
    }

    private @Nullable IoRequest poll() {
        while (true) {
            long at = head.get();
            int cell = (int) at & mask;
            long turn = (long) SEQUENCES.getAcquire(sequences, cell) - (at + 1);
            if (turn == 0) {
                if (head.compareAndSet(at, at + 1)) {
                    IoRequest request = cells[cell];
                    cells[cell] = null;
                    SEQUENCES.setRelease(sequences, cell, at + mask + 1);
                    return request;
                }
            } else if (turn < 0) {
                return null;
            }
        }
    }

    private void pushSpill(IoRequest request) {
        while (true) {
            IoRequest top = spill.get();
            request.next = top;
            if (spill.compareAndSet(top, request)) {
                return;
            }
        }
    }

    private void refill() {
        IoRequest waiting = spill.getAndSet(null);
        // The spill is a stack; the ring takes the oldest first.
        IoRequest oldest = null;
        while (waiting != null) {
            IoRequest following = waiting.next;
            waiting.next = oldest;
            oldest = waiting;
            waiting = following;
        }
        while (oldest != null) {
            IoRequest following = oldest.next;
            oldest.next = null;
            if (!offer(oldest)) {
                pushSpill(oldest);
            }
            oldest = following;
        }
    }
}
