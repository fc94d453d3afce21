package redoubt.nbd;

import org.jspecify.annotations.Nullable;
import redoubt.block.IoBuffer;
import redoubt.block.IoMemory;

/** The buffers that one session holds, counted so that it never takes the last ({@link Stock}). Belongs to the session's owner. */
final class HeldBuffers {

    private final IoMemory memory;
    private int small;
    private int large;

    HeldBuffers(IoMemory memory) {
        this.memory = memory;
    }

    /** A buffer, or null when the session has to wait for one. */
    @Nullable
    IoBuffer take(int bytes) {
        int held = bytes <= Stock.SMALL_BYTES ? small : large;
        if (held > 0 && held >= memory.freeFor(bytes)) {
            return null;
        }
        IoBuffer buffer = memory.take(bytes);
        if (buffer != null) {
            count(buffer, 1);
        }
        return buffer;
    }

    /** One more that the device has answered in. */
    void adopt(IoBuffer buffer) {
        buffer.retain();
        count(buffer, 1);
    }

    void giveBack(@Nullable IoBuffer buffer) {
        if (buffer != null) {
            count(buffer, -1);
            buffer.release();
        }
    }

    /** Gives back all that a command has. */
    void giveBackAll(Command command) {
        for (int i = 0; i < Command.PARTS; i++) {
            giveBack(command.buffers[i]);
            command.buffers[i] = null;
        }
        giveBack(command.spare);
        command.spare = null;
    }

    private void count(IoBuffer buffer, int by) {
        if (buffer.capacity() <= Stock.SMALL_BYTES) {
            small += by;
        } else {
            large += by;
        }
    }
}
