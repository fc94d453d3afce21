package redoubt.base;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Which of a fixed number of things are free, by their numbers from 0. Lock-free; any thread; allocates nothing once it is made. The head
 * carries a tag that changes with each push and pop, so that a head which went away and came back is not mistaken for one that stayed.
 */
public final class IndexStack {

    /** What {@link #pop} answers when nothing is free. */
    public static final int NONE = -1;

    private final int[] next;
    private final AtomicLong head; // tag in the high half, index in the low

    /** All of {@code count} things are free. */
    public IndexStack(int count) {
        next = new int[count];
        for (int i = 0; i < count; i++) {
            next[i] = i + 1 < count ? i + 1 : NONE;
        }
        head = new AtomicLong(count == 0 ? NONE : 0);
    }

    /** One that is free, and belongs to the caller from now on; or {@link #NONE}. */
    public int pop() {
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

    /** Gives back one that was popped; who pops it next sees what was done with it before. */
    public void push(int index) {
        while (true) {
            long seen = head.get();
            next[index] = (int) seen;
            if (head.compareAndSet(seen, tagged(seen, index))) {
                return;
            }
        }
    }

    /** Whether one is free, at this moment. */
    public boolean any() {
        return (int) head.get() != NONE;
    }

    private static long tagged(long seen, int index) {
        return (((seen >>> 32) + 1) << 32) | (index & 0xFFFFFFFFL);
    }
}
