package redoubt.nbd;

import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import redoubt.base.IndexStack;

/** All commands there are, made at construction. Lock-free, any thread. */
final class CommandPool {

    private final Command[] commands;
    private final IndexStack unused;
    private final AtomicInteger free;

    CommandPool(int count) {
        commands = new Command[count];
        for (int i = 0; i < count; i++) {
            commands[i] = new Command(this, i);
        }
        unused = new IndexStack(count);
        free = new AtomicInteger(count);
    }

    /** A free command, or null. */
    @Nullable
    Command take() {
        int index = unused.pop();
        if (index == IndexStack.NONE) {
            return null;
        }
        free.getAndDecrement();
        return commands[index];
    }

    void giveBack(Command command) {
        unused.push(command.index);
        free.getAndIncrement();
    }

    int free() {
        return free.get();
    }

    int total() {
        return commands.length;
    }
}
