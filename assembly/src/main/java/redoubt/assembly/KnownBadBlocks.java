package redoubt.assembly;

import java.util.List;
import redoubt.base.Extent;
import redoubt.block.BlockDevice;
import redoubt.block.BlockLimits;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;

/**
 * A member of an array that is only read, with a log of bad blocks: a write failed there once, so what can be read there may be old. Such a read
 * is an error, and the level answers from elsewhere. Any thread.
 */
final class KnownBadBlocks implements BlockDevice {

    private final BlockDevice disk;
    private final Extent[] bad;

    /**
     * A disk without what is bad on it.
     *
     * @param bad in bytes of the disk
     */
    KnownBadBlocks(BlockDevice disk, List<Extent> bad) {
        this.disk = disk;
        this.bad = bad.toArray(Extent[]::new);
    }

    @Override
    public BlockLimits limits() {
        return disk.limits();
    }

    @Override
    public void submit(IoRequest request) {
        if (request.operation() == IoOperation.READ && touched(request.offset(), request.length())) {
            request.complete(IoStatus.IO_ERROR);
        } else {
            disk.submit(request);
        }
    }

    private boolean touched(long offset, long length) {
        for (Extent each : bad) {
            if (each.offset() < offset + length && offset < each.end()) {
                return true;
            }
        }
        return false;
    }

    @Override
    public void close() {
        disk.close();
    }
}
