package redoubt.nbd;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import redoubt.block.BlockDevice;
import redoubt.block.BlockLimits;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;

/** A device in memory, small enough to be looked at in a test. Completes everything inline. */
class MemoryExport implements BlockDevice {

    final MemorySegment content;
    private final BlockLimits limits;

    MemoryExport(long sizeBytes) {
        this(new BlockLimits(sizeBytes, 512, 4096, 1 << 20, false, true, true, false));
    }

    MemoryExport(BlockLimits limits) {
        this.limits = limits;
        this.content = Arena.ofAuto().allocate(limits.sizeBytes(), 4096);
    }

    @Override
    public BlockLimits limits() {
        return limits;
    }

    @Override
    public void submit(IoRequest request) {
        request.complete(carryOut(request));
    }

    final IoStatus carryOut(IoRequest request) {
        if (!limits.admits(request.operation(), request.offset(), request.length())) {
            return IoStatus.INVALID;
        }
        if (limits.readOnly() && request.operation().changesData()) {
            return IoStatus.READ_ONLY;
        }
        if ((request.flags() & IoRequest.FAST_ZERO) != 0 && !limits.fastZeroes()) {
            return IoStatus.UNSUPPORTED;
        }
        switch (request.operation()) {
            case READ ->
                MemorySegment.copy(
                        content,
                        request.offset(),
                        request.buffer().segment(),
                        request.buffer().position() + request.bufferOffset(),
                        request.length());
            case WRITE ->
                MemorySegment.copy(
                        request.buffer().segment(),
                        request.buffer().position() + request.bufferOffset(),
                        content,
                        request.offset(),
                        request.length());
            case TRIM, WRITE_ZEROES ->
                content.asSlice(request.offset(), request.length()).fill((byte) 0);
            case FLUSH -> {
                return IoStatus.OK;
            }
            case ALLOCATION -> allocation(request);
        }
        return IoStatus.OK;
    }

    /** Strips of 64 KiB that hold nothing but zeroes count as holes. */
    private void allocation(IoRequest request) {
        long at = request.offset();
        long end = at + request.length();
        int pairs = 0;
        long place = request.buffer().position();
        MemorySegment answer = request.buffer().segment();
        while (at < end && pairs < request.buffer().capacity() / 16) {
            long stripEnd = Math.min(end, (at / 65536 + 1) * 65536);
            boolean hole = true;
            for (long i = at; i < stripEnd && hole; i++) {
                hole = content.get(ValueLayout.JAVA_BYTE, i) == 0;
            }
            answer.set(ValueLayout.JAVA_LONG, place + 16L * pairs, stripEnd - at);
            int flags = hole ? IoRequest.ALLOCATION_HOLE | IoRequest.ALLOCATION_ZERO : 0;
            answer.set(ValueLayout.JAVA_LONG, place + 16L * pairs + 8, flags);
            pairs++;
            at = stripEnd;
        }
        request.result = pairs;
    }

    @Override
    public void close() {}
}
