package redoubt.keeper;

import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import redoubt.block.BlockDevice;
import redoubt.block.IoCompletion;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;

/**
 * Flushes the members of a container together, one flush at a time, for one purpose. Begun by any thread, which must own the purpose; it
 * ends, within the members' time limit, on the thread that brings the last answer. A member that cannot is lost. Allocates nothing.
 */
final class MemberFlush {

    /** Who is told of the end. */
    interface End {
        /** All are through; {@code good} if none failed, {@code any} if one did it. */
        void ended(boolean good, boolean any);
    }

    private final ExternalKeeper keeper;
    private final List<BlockDevice> disks;
    private final IoRequestPool pool;
    private final End end;
    private final IoCompletion ended = this::ended;
    private final AtomicInteger open = new AtomicInteger();
    private final AtomicInteger well = new AtomicInteger();
    private volatile boolean failed;

    MemberFlush(ExternalKeeper keeper, List<BlockDevice> disks, End end) {
        this.keeper = keeper;
        this.disks = disks;
        this.end = end;
        this.pool = new IoRequestPool(2 * disks.size()); // each may hang once with one that is in quarantine since
    }

    void begin() {
        failed = false;
        well.set(0);
        open.set(1);
        long out = keeper.disksOut();
        for (int disk = 0; disk < disks.size(); disk++) {
            if ((out >>> disk & 1) == 0 && pool.reserve(1)) {
                open.incrementAndGet();
                IoRequest flush = pool.take().prepare(IoOperation.FLUSH, 0, 0, 0, null, 0, ended);
                flush.slot = disk;
                disks.get(disk).submit(flush);
            }
        }
        oneEnded();
    }

    private void ended(IoRequest flush) {
        if (flush.status().ok()) {
            well.incrementAndGet();
        } else {
            failed = true;
            keeper.lost(flush.slot);
        }
        flush.free();
        oneEnded();
    }

    private void oneEnded() {
        if (open.decrementAndGet() == 0) {
            end.ended(!failed, well.get() > 0);
        }
    }
}
