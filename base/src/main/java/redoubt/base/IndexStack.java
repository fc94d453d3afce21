package redoubt.personality;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Which of a fixed number of things are free. Lock-free; any thread. The head carries a tag that changes with each push and pop, so that
 * a head which went away and came back is not mistaken for one that stayed.
 */
final class IndexStack {

    /** What {@link #pop} answers when nothing is free. */
    static final int NONE = -1;

    private final int[] next;
    private final AtomicLong head; // tag in the high half, index in the low

    /** All of {@code count} things are free. */
    IndexStack(int count) {
        next = new int[count];
        for (int i = 0; i < count; i++) {
            next[i] = i + 1 < count ? i + 1 : NONE;
        }
        head = new AtomicLong(count == 0 ? NONE : 0);
    }

    int pop() {
        while (true) {
            long seen = head.get();
            int index = (int) seen;
            if (index == NONE) {
                return NONE;
            }
            if (head.compareAndSet(seen, tagged(seen, next[index]))) {
                return index;
            }
        }
    }

    void push(int index) {
        while (true) {
            long seen = head.get();
            next[index] = (int) seen;
            if (head.compareAndSet(seen, tagged(seen, index))) {
                return;
            }
        }
    }

    boolean any() {
        return (int) head.get() != NONE;
    }

    private static long tagged(long seen, int index) {
        return (((seen >>> 32) + 1) << 32) | (index & 0xFFFFFFFFL);
    }
}
