package redoubt.md;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import redoubt.block.IoCompletion;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;
import redoubt.block.IoStatus;
import redoubt.workqueue.WorkItem;
import redoubt.workqueue.Workqueue;

/**
 * Flushes as md did them before Linux 6.12 (drivers/md/md.c of that time, md_flush_request, submit_flushes, md_submit_flush_data): one at a time for
 * an array, begun by an item of md's own queue; whoever came before it began is served by it. When the members are through, another item
 * answers the flushes, and sends on the writes that waited behind this one: in the item's own context, which waits at the gate. A write with
 * FUA stands for the log write of a file system, which had a flush before it.
 *
 * <p>The wait is what breaks the first rule of this engine, and why no array is made so outside of the model ({@link FlushQueue}).
 *
 * <p>Field legend. A: any thread, atomically; O: whoever has set {@link #underWay}.
 */
final class QueuedFlushes {

    private static final long LOOK_NANOS = 100_000_000L;

    private final Array array;
    private final FlushQueue how;
    private final AtomicReference<@Nullable IoRequest> waiting = new AtomicReference<>(); // A: newest first
    private final AtomicBoolean underWay = new AtomicBoolean(); // A
    private final IoRequestPool pool = new IoRequestPool(1);
    private final IoCompletion membersFlushed = this::membersFlushed;
    private final WorkItem submitItem = new WorkItem(this::submitFlushes);
    private final WorkItem dataItem = new WorkItem(this::submitFlushData);
    private @Nullable IoRequest batch; // O: oldest first
    private IoStatus outcome = IoStatus.OK; // O

    QueuedFlushes(Array array, FlushQueue how) {
        this.array = array;
        this.how = how;
    }

    /** Takes a request that is inside, and has not come to the gate; it goes on from an item. Any thread. */
    void take(IoRequest request) {
        Turnstile.push(waiting, request);
        how.queue().queue(submitItem);
    }

    private void submitFlushes() {
        if (!underWay.compareAndSet(false, true)) {
            return; // the item that ends the one under way looks again
        }
        batch = Turnstile.oldestFirst(waiting.getAndSet(null));
        if (batch == null || !pool.reserve(1)) {
            underWay.set(false);
            return;
        }
        array.flushInside(pool.take().prepare(IoOperation.FLUSH, 0, 0, 0, null, 0, membersFlushed));
    }

    private void membersFlushed(IoRequest flush) {
        outcome = flush.status();
        flush.free();
        how.queue().queue(dataItem);
    }

    private void submitFlushData() {
        IoRequest request = batch;
        IoStatus flushed = outcome;
        batch = null;
        underWay.set(false); // before a write is sent on: it may wait, and others may flush meanwhile if somebody has a
        // context for it
        if (waiting.get() != null) {
            how.queue().queue(submitItem);
        }
        while (request != null) {
            IoRequest younger = request.next;
            request.next = null;
            if (request.operation() == IoOperation.FLUSH || !flushed.ok()) {
                array.leave(request, flushed);
            } else {
                writeStart(request);
            }
            request = younger;
        }
    }

    /** Ends those whose flush has not begun and never will. */
    void releaseGone() {
        array.settleAll(waiting);
    }

    /** The write is at the gate, or through; the item is not over before it is through. */
    private void writeStart(IoRequest write) {
        long begun = array.writesBegun();
        array.admitWrite(write);
        Workqueue.blocking(FlushQueue.DIRTY_MARK, () -> {
            while (array.holdsWrites() && array.writesBegun() == begun) {
                how.parking().park(() -> !array.holdsWrites() || array.writesBegun() != begun, LOOK_NANOS);
            }
        });
    }
}
