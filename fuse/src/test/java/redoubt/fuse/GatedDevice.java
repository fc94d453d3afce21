package redoubt.fuse;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumMap;
import java.util.Map;
import redoubt.block.BlockDevice;
import redoubt.block.BlockLimits;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;

/** A device whose writes are parked while its gate is shut, and which counts what it was asked. */
final class GatedDevice implements BlockDevice {

    private final BlockDevice below;
    private final Deque<IoRequest> parked = new ArrayDeque<>();
    private final Map<IoOperation, Integer> asked = new EnumMap<>(IoOperation.class);
    private int durable;
    private boolean shut;

    GatedDevice(BlockDevice below) {
        this.below = below;
    }

    synchronized void shut() {
        shut = true;
    }

    void open() {
        while (true) {
            IoRequest next;
            synchronized (this) {
                shut = false;
                next = parked.poll();
            }
            if (next == null) {
                return;
            }
            below.submit(next);
        }
    }

    synchronized int parked() {
        return parked.size();
    }

    synchronized int asked(IoOperation operation) {
        return asked.getOrDefault(operation, 0);
    }

    synchronized int durable() {
        return durable;
    }

    @Override
    public BlockLimits limits() {
        return below.limits();
    }

    @Override
    public void submit(IoRequest request) {
        synchronized (this) {
            asked.merge(request.operation(), 1, Integer::sum);
            durable += request.fua() ? 1 : 0;
            if (shut && request.operation().changesData()) {
                parked.add(request);
                return;
            }
        }
        below.submit(request);
    }

    @Override
    public void close() {
        below.close();
    }
}
