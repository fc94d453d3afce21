package redoubt.block;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;

/**
 * A writable file on tmpfs, mapped, so that a read or write is one copy on the caller's thread: 0.3 us for 4 KiB where pread takes
 * 1.2 (measured, docs/decisions). Only on tmpfs: there is no device to wait for, and durable means nothing there.
 *
 * <p><b>Looks wrong, is meant: {@link #deliverFault}.</b> A page that cannot be had (the file shrank, tmpfs is full) makes the copy
 * fault. HotSpot turns that into an InternalError, but in code compiled by C2 it comes at the next safepoint poll, which may be long
 * after the request was acknowledged: 13 of 20 lost writes were acknowledged, and the error struck somewhere else in the thread. A
 * call to a native method polls when it returns, so the error comes there, in the interpreter, C1 and C2 alike. It costs 20 ns.
 *
 * <p>What faulted is done again on the lane, whose system calls tell why. The same when the mapping is closed meanwhile.
 */
final class MappedFile {

    private final Arena arena = Arena.ofShared();
    private final MemorySegment content;

    /** Maps so many bytes of an open file. */
    MappedFile(FileChannel channel, long sizeBytes) throws IOException {
        content = channel.map(FileChannel.MapMode.READ_WRITE, 0, sizeBytes, arena);
    }

    /** Carries a READ, WRITE or FLUSH out; answers false if it could not, and nothing is known about the range then. */
    boolean perform(IoRequest request) {
        try {
            return switch (request.operation()) {
                case READ -> {
                    IoBuffer buffer = request.buffer();
                    long at = buffer.position() + (long) request.bufferOffset();
                    MemorySegment.copy(content, request.offset(), buffer.segment(), at, request.length());
                    deliverFault();
                    yield true;
                }
                case WRITE -> {
                    IoBuffer buffer = request.buffer();
                    long at = buffer.position() + (long) request.bufferOffset();
                    MemorySegment.copy(buffer.segment(), at, content, request.offset(), request.length());
                    deliverFault();
                    yield true;
                }
                case FLUSH -> true;
                case TRIM, WRITE_ZEROES, ALLOCATION -> false;
            };
        } catch (InternalError | IllegalStateException faultedOrUnmapped) {
            return false;
        }
    }

    private void deliverFault() {
        boolean ignored = Thread.holdsLock(this);
    }

    /** Unmaps; copies under way fail and are done again on the lane. */
    void close() {
        arena.close();
    }
}
