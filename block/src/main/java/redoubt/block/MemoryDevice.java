package redoubt.block;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A device that is memory: what a rehearsal runs on, and the plainest example of the contract. It never blocks, so every request
 * is settled inside {@link #submit}, on the caller's thread. Nothing of it outlives the process, and FLUSH and FUA promise no more
 * than that.
 *
 * <p>There is no lock. Two requests that overlap in time and place meet byte by byte, as on a disk.
 */
public final class MemoryDevice implements BlockDevice {

    private static final int MAX_TRANSFER_BYTES = 1 << 25;

    private final Arena arena = Arena.ofAuto();
    private final MemorySegment content;
    private final BlockLimits limits;
    private final AtomicBoolean closed = new AtomicBoolean();

    /**
     * Allocates and zeroes the memory.
     *
     * @param sizeBytes a positive multiple of {@code blockBytes}
     * @param blockBytes a power of two, 512 to 65536
     */
    public MemoryDevice(long sizeBytes, int blockBytes) {
        if (sizeBytes <= 0 || blockBytes < 1 || sizeBytes % blockBytes != 0) {
            throw new IllegalArgumentException(
                    "a memory of " + sizeBytes + " bytes cannot be cut into blocks of " + blockBytes);
        }
        limits = new BlockLimits(
                sizeBytes, blockBytes, Math.max(blockBytes, 4096), MAX_TRANSFER_BYTES, false, true, true, false);
        content = arena.allocate(sizeBytes, IoMemory.ALIGNMENT_BYTES);
    }

    @Override
    public BlockLimits limits() {
        return limits;
    }

    @Override
    public void submit(IoRequest request) {
        IoStatus status = limits.check(request);
        if (status == IoStatus.OK) {
            status = closed.get() ? IoStatus.GONE : perform(request);
        }
        request.complete(status);
    }

    private IoStatus perform(IoRequest request) {
        long offset = request.offset();
        long length = request.length();
        switch (request.operation()) {
            case READ -> {
                IoBuffer buffer = request.buffer();
                MemorySegment.copy(
                        content, offset, buffer.segment(), buffer.position() + request.bufferOffset(), length);
            }
            case WRITE -> {
                IoBuffer buffer = request.buffer();
                MemorySegment.copy(
                        buffer.segment(), buffer.position() + request.bufferOffset(), content, offset, length);
            }
            case FLUSH -> {}
            case TRIM, WRITE_ZEROES -> zero(offset, length);
            case ALLOCATION -> {
                IoBuffer buffer = request.buffer();
                long at = buffer.position() + (long) request.bufferOffset();
                buffer.segment().set(ValueLayout.JAVA_LONG_UNALIGNED, at, length);
                buffer.segment().set(ValueLayout.JAVA_LONG_UNALIGNED, at + Long.BYTES, 0);
                request.result = 1;
            }
        }
        return IoStatus.OK;
    }

    private void zero(long offset, long length) {
        // Not asSlice().fill(): a slice is an object for each request until the compiler has seen through it.
        for (long done = 0; done < length; ) {
            long piece = Math.min(length - done, Zeroes.BYTES);
            MemorySegment.copy(Zeroes.SEGMENT, 0, content, offset + done, piece);
            done += piece;
        }
    }

    /**
     * Later requests are settled {@link IoStatus#GONE}. The memory goes when the garbage collector or the end of the process takes
     * it: a request that is just being copied on another thread must not lose the ground under it.
     */
    @Override
    public void close() {
        closed.set(true);
    }
}
