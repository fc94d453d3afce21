package redoubt.block;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/** A piece of zeroes that all devices share and nobody writes: the source of zeroes where the member has no quicker way. */
final class Zeroes {

    /** Its length: long enough that the calls do not count, short enough to stay in the cache. */
    static final int BYTES = 1 << 18;

    /** The zeroes, aligned for O_DIRECT. */
    static final MemorySegment SEGMENT =
            Arena.global().allocate(BYTES, IoMemory.ALIGNMENT_BYTES).asReadOnly();

    private Zeroes() {}

    /** A view with a position of its own, for one thread. */
    static ByteBuffer newView() {
        return SEGMENT.asByteBuffer();
    }
}
