package redoubt.cli;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import redoubt.block.BlockDevice;
import redoubt.block.IoBuffer;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;

/** A client of a {@link Rehearsal}: requests by the handful, each of which is waited for, however it ends, but not for ever. For one thread. */
final class RehearsalLoad implements AutoCloseable {

    private static final int DEPTH = 32;
    private static final int BATCHES = 16;
    private static final int BLOCK_BYTES = 4096;
    private static final int LARGEST_BYTES = 64 << 10;
    private static final long SEED = 5;
    private static final List<IoOperation> OPERATIONS = List.of(IoOperation.values());

    private final BlockDevice device;
    private final IoMemory memory;
    private final long limitNanos;
    private final IoRequestPool pool = new IoRequestPool(DEPTH);
    private final SplittableRandom random = new SplittableRandom(SEED);
    private final AtomicInteger open = new AtomicInteger();
    private final Thread asker = Thread.currentThread();

    /** @param limitNanos for each handful of requests */
    RehearsalLoad(BlockDevice device, IoMemory memory, long limitNanos) {
        this.device = device;
        this.memory = memory;
        this.limitNanos = limitNanos;
    }

    /** Every operation, short and long, aligned and not, durable and not. */
    void everything() throws IOException {
        for (IoOperation operation : OPERATIONS) {
            for (int length : List.of(512, BLOCK_BYTES, BLOCK_BYTES + 512, LARGEST_BYTES, 3 * LARGEST_BYTES)) {
                for (int flags : List.of(0, IoRequest.FUA)) {
                    for (int i = 0; i < 4; i++) {
                        start(operation, length, operation.changesData() ? flags : 0);
                    }
                    await();
                }
            }
        }
    }

    /** Many of those that come often. */
    void many() throws IOException {
        for (int batch = 0; batch < BATCHES; batch++) {
            for (int i = 0; i < DEPTH; i++) {
                int kind = random.nextInt(32);
                IoOperation operation =
                        kind < 18 ? IoOperation.WRITE : kind < 31 ? IoOperation.READ : IoOperation.FLUSH;
                int length = batch % 4 == 3 ? 512 << random.nextInt(8) : BLOCK_BYTES;
                start(operation, length, kind == 0 ? IoRequest.FUA : 0);
            }
            await();
        }
        for (int i = 0; i < BATCHES; i++) {
            start(IoOperation.WRITE, BLOCK_BYTES, 0);
            await();
        }
    }

    private void start(IoOperation operation, int length, int flags) {
        IoBuffer buffer = null;
        if (operation.movesBytes() || operation == IoOperation.ALLOCATION) {
            buffer = memory.take(length);
            if (buffer == null) {
                return;
            }
        }
        if (!pool.reserve(1)) {
            release(buffer);
            return;
        }
        long room = device.limits().sizeBytes() - length;
        long offset =
                operation == IoOperation.FLUSH ? 0 : random.nextLong(room) & -Math.min(length & -length, BLOCK_BYTES);
        IoBuffer carried = buffer;
        IoRequest request = pool.take();
        open.getAndIncrement();
        request.prepare(operation, offset, operation == IoOperation.FLUSH ? 0 : length, flags, buffer, 0, ended -> {
            ended.free();
            release(carried);
            open.getAndDecrement();
            LockSupport.unpark(asker);
        });
        device.submit(request);
    }

    private static void release(@Nullable IoBuffer buffer) {
        Optional.ofNullable(buffer).ifPresent(IoBuffer::release);
    }

    private void await() throws IOException {
        long begin = System.nanoTime();
        while (open.get() > 0) {
            if (System.nanoTime() - begin > limitNanos) {
                throw new IOException(
                        "requests were not answered within " + TimeUnit.NANOSECONDS.toSeconds(limitNanos) + " s");
            }
            LockSupport.parkNanos(this, TimeUnit.MILLISECONDS.toNanos(10));
        }
    }

    @Override
    public void close() {
        device.close(); // which ends what is not answered
    }
}
