package redoubt.nbd;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import redoubt.block.IoBuffer;
import redoubt.block.IoMemory;

/**
 * A view of the memory that requests carry, for one user who moves its position and limit. Usually all requests come from one memory, so it is
 * made once.
 */
final class MemoryView {

    private @Nullable IoMemory viewed;
    private @Nullable ByteBuffer view;

    /** The whole memory that the buffer is a piece of; its bytes begin at {@link IoBuffer#position()}. */
    ByteBuffer of(IoBuffer buffer) {
        ByteBuffer present = view;
        if (present == null || viewed != buffer.memory()) {
            viewed = buffer.memory();
            present = buffer.memory().newView();
            view = present;
        }
        return present.clear();
    }
}
