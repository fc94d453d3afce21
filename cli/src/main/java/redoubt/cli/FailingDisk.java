package redoubt.cli;

import java.util.concurrent.atomic.AtomicInteger;
import redoubt.block.BlockDevice;
import redoubt.block.BlockLimits;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;

/** A member of a {@link Rehearsal} that fails when it is told to. Any thread. */
final class FailingDisk implements BlockDevice {

    private final BlockDevice disk;
    private final AtomicInteger readsToFail = new AtomicInteger();
    private volatile boolean writesFail;

    FailingDisk(BlockDevice disk) {
        this.disk = disk;
    }

    /** The next reads meet a sector that cannot be read. */
    void failReads(int count) {
        readsToFail.set(count);
    }

    /** From now on nothing can be written. */
    void failWrites() {
        writesFail = true;
    }

    @Override
    public BlockLimits limits() {
        return disk.limits();
    }

    @Override
    public void submit(IoRequest request) {
        boolean read = request.operation() == IoOperation.READ;
        if (read ? readsToFail.get() > 0 && readsToFail.getAndDecrement() > 0 : writesFail) {
            request.complete(IoStatus.IO_ERROR);
        } else {
            disk.submit(request);
        }
    }

    @Override
    public void close() {
        disk.close();
    }
}
