package redoubt.personality;

import java.lang.foreign.ValueLayout;
import redoubt.block.IoRequest;

/** The answer to ALLOCATION of a level that does not know better: the whole range holds data. */
final class AllData {

    private AllData() {}

    /** Writes one pair into the request's buffer. */
    static void answer(IoRequest request) {
        long at = (long) request.buffer().position() + request.bufferOffset();
        request.buffer().segment().set(ValueLayout.JAVA_LONG_UNALIGNED, at, request.length());
        request.buffer().segment().set(ValueLayout.JAVA_LONG_UNALIGNED, at + Long.BYTES, 0L);
        request.result = 1;
    }
}
