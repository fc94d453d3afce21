package redoubt.nbd;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * All commands there are, made at construction. Lock-free, any thread: a stack of indexes, whose head carries a tag that changes
 * each time, so that a head which went away and came back is not mistaken for one that stayed.
 */
final class CommandPool {

    private static final int NONE = -1;

    private final Command[] commands;
    private final int[] next;
    private final AtomicLong head = new AtomicLong(0); // tag in the high half, index in the low
    private final AtomicInteger free;

    CommandPool(int count) {
        commands = new Command[count];
        next = new int[count];
        for (int i = 0; i < count; i++) {
            commands[i] = new Command(this, i);
            next[i] = i + 1 < count ? i + 1 : NONE;
        }
        free = new AtomicInteger(count);
    }

    /** A free command, or null. */
    @Nullable
    Command take() {
        while (true) {
            long seen = head.get();
            int index = (int) seen;
            if (index == NONE) {
                return null;
            }
            if (head.compareAndSet(seen, tagged(seen, next[index]))) {
                free.getAndDecrement();
                return commands[index];
            }
        }
    }

    void giveBack(Command command) {
        while (true) {
            long seen = head.get();
            next[command.index] = (int) seen;
            if (head.compareAndSet(seen, tagged(seen, command.index))) {
                free.getAndIncrement();
                return;
            }
        }
    }

    int free() {
        return free.get();
    }

    int total() {
        return commands.length;
    }

    private static long tagged(long seen, int index) {
        return (((seen >>> 32) + 1) << 32) | (index & 0xFFFFFFFFL);
    }
}
