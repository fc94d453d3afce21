package redoubt.nbd;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import redoubt.block.IoBuffer;

/**
 * Finds out whether what was read is nothing but zeroes: then a client with structured replies is told so in twelve bytes. Data
 * hardly ever begins with zeroes, so for data the question costs one look.
 */
final class Zeroes {

    private static final int PIECE_BYTES = 64 << 10;
    private static final MemorySegment NOTHING = MemorySegment.ofArray(new byte[PIECE_BYTES]);

    private Zeroes() {}

    /** Whether a part of a READ is all zeroes. */
    static boolean only(Command command, int place) {
        IoBuffer buffer = command.buffers[place];
        if (buffer == null) {
            return false;
        }
        MemorySegment segment = buffer.segment();
        long at = buffer.position() + (long) command.starts[place];
        long end = at + command.lengths[place];
        if (segment.get(ValueLayout.JAVA_BYTE, at) != 0 || segment.get(ValueLayout.JAVA_BYTE, end - 1) != 0) {
            return false;
        }
        while (at < end) {
            long length = Math.min(PIECE_BYTES, end - at);
            if (MemorySegment.mismatch(segment, at, at + length, NOTHING, 0, length) >= 0) {
                return false;
            }
            at += length;
        }
        return true;
    }
}
