package redoubt.assembly;

import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;
import redoubt.base.Extent;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;
import redoubt.metadata.ReadFailed;

/** Fills parts of disks with zeroes, one piece after another. For one control thread, which waits. */
final class Zeroing {

    private static final long PIECE_BYTES = 64L << 20;

    private final List<Part> parts;
    private final long limitNanos;

    /** A part of a disk. */
    record Part(OpenDisk open, Extent extent) {}

    /** @param limitNanos how long a disk may take over one piece, 0 for as long as it likes */
    Zeroing(List<Part> parts, long limitNanos) {
        this.parts = parts;
        this.limitNanos = limitNanos;
    }

    /** How many bytes there are to fill. */
    long bytes() {
        return parts.stream().mapToLong(part -> part.extent().length()).reduce(0, Math::addExact);
    }

    /** Fills them; {@code done} is told how many bytes are filled. */
    void run(LongConsumer done) throws AssemblyRefused {
        IoRequestPool pool = new IoRequestPool(1);
        long sum = 0;
        for (Part part : parts) {
            long end = part.extent().offset() + part.extent().length();
            for (long at = part.extent().offset(); at < end; at += PIECE_BYTES) {
                long length = Math.min(PIECE_BYTES, end - at);
                fill(part.open(), pool, at, length);
                sum += length;
                done.accept(sum);
            }
        }
    }

    /** Flushes the disks: what is zeroed outlasts a power cut from now on. */
    void makeDurable() throws ReadFailed {
        for (Part part : parts) {
            part.open().reads().flush();
        }
    }

    private void fill(OpenDisk open, IoRequestPool pool, long offset, long length) throws AssemblyRefused {
        CountDownLatch ended = new CountDownLatch(1);
        if (!pool.reserve(1)) {
            throw new IllegalStateException("a piece is still under way");
        }
        IoRequest request =
                pool.take().prepare(IoOperation.WRITE_ZEROES, offset, length, 0, null, 0, each -> ended.countDown());
        open.device().submit(request);
        boolean answered = await(ended);
        if (!answered || !request.status().ok()) {
            throw new AssemblyRefused(
                    AssemblyRefused.Reason.IO_ERROR,
                    "%s: cannot zero %d bytes at byte %d: %s"
                            .formatted(open.name(), length, offset, answered ? request.status() : "no answer"));
        }
        request.free();
    }

    private boolean await(CountDownLatch ended) {
        try {
            if (limitNanos == 0) {
                ended.await();
                return true;
            }
            return ended.await(limitNanos + TimeUnit.SECONDS.toNanos(1), TimeUnit.NANOSECONDS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
