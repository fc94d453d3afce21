package redoubt.explore;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.TreeMap;
import redoubt.block.BlockDevice;
import redoubt.block.BlockLimits;
import redoubt.block.IoBuffer;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;

/** A disk that answers at once and keeps only the blocks that were written, as objects that a {@link Fingerprint} can read. One thread at a time. */
final class StoryDisk implements BlockDevice {

    private static final int BLOCK_BYTES = 512;
    private static final int MAX_TRANSFER_BYTES = 1 << 20;

    private final BlockLimits limits;
    private final Map<Long, byte[]> blocks; // never changed in place: houses that begin alike share them

    /** A disk of so many bytes on which these blocks were written before. */
    StoryDisk(long sizeBytes, Map<Long, byte[]> written) {
        limits = new BlockLimits(sizeBytes, BLOCK_BYTES, 4096, MAX_TRANSFER_BYTES, false, true, true, false);
        blocks = new TreeMap<>(written);
    }

    /** Cuts bytes at an offset into blocks. */
    static void put(Map<Long, byte[]> blocks, long offset, byte[] bytes) {
        for (int at = 0; at < bytes.length; at += BLOCK_BYTES) {
            byte[] block = new byte[BLOCK_BYTES];
            System.arraycopy(bytes, at, block, 0, Math.min(BLOCK_BYTES, bytes.length - at));
            blocks.put((offset + at) / BLOCK_BYTES, block);
        }
    }

    @Override
    public BlockLimits limits() {
        return limits;
    }

    @Override
    public void submit(IoRequest request) {
        IoStatus status = limits.check(request);
        request.complete(status == IoStatus.OK ? perform(request) : status);
    }

    private IoStatus perform(IoRequest request) {
        return switch (request.operation()) {
            case READ -> {
                move(request, false);
                yield IoStatus.OK;
            }
            case WRITE -> {
                move(request, true);
                yield IoStatus.OK;
            }
            case FLUSH -> IoStatus.OK;
            case TRIM, WRITE_ZEROES, ALLOCATION -> IoStatus.UNSUPPORTED;
        };
    }

    private void move(IoRequest request, boolean writes) {
        IoBuffer buffer = request.buffer();
        MemorySegment memory = buffer.segment();
        long from = buffer.position() + (long) request.bufferOffset();
        for (long at = 0; at < request.length(); at += BLOCK_BYTES) {
            long block = (request.offset() + at) / BLOCK_BYTES;
            if (writes) {
                byte[] fresh = new byte[BLOCK_BYTES];
                MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, from + at, fresh, 0, BLOCK_BYTES);
                blocks.put(block, fresh);
            } else {
                byte[] held = blocks.getOrDefault(block, new byte[BLOCK_BYTES]);
                MemorySegment.copy(held, 0, memory, ValueLayout.JAVA_BYTE, from + at, BLOCK_BYTES);
            }
        }
    }

    @Override
    public void close() {}
}
