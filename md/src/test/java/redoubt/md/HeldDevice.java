package redoubt.md;

import java.util.ArrayList;
import java.util.List;
import redoubt.block.BlockDevice;
import redoubt.block.BlockLimits;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;

/** A device that holds every request until the test says how it ends; its content is which requests it was sent. */
final class HeldDevice implements BlockDevice {

    final List<IoRequest> held = new ArrayList<>();
    final List<IoOperation> asked = new ArrayList<>();

    @Override
    public BlockLimits limits() {
        return new BlockLimits(1 << 20, 512, 4096, 65536, false, true, true, false);
    }

    @Override
    public void submit(IoRequest request) {
        asked.add(request.operation());
        held.add(request);
    }

    /** Ends the oldest request that is held. */
    void end(IoStatus how) {
        held.removeFirst().complete(how);
    }

    /** Ends all that is held. */
    void endAll() {
        while (!held.isEmpty()) {
            end(IoStatus.OK);
        }
    }

    /** Settles the oldest request as a lane does whose call hangs; answers it, to be abandoned later. */
    IoRequest hang() {
        IoRequest request = held.removeFirst();
        request.settle(IoStatus.TIMED_OUT);
        return request;
    }

    @Override
    public void close() {}
}
