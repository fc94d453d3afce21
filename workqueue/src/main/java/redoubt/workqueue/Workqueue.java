package redoubt.workqueue;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import redoubt.base.Worker;
import redoubt.base.WorkerFactory;

/**
 * An ordered queue of work items: run in the order in which they were queued, one at a time (Linux, Documentation/core-api/workqueue.rst).
 *
 * <p>Its worker is made at construction, or construction fails. That one context is what MEM_RECLAIM promises: an item that is queued
 * will be started without a thread having to be created, whatever the state of the machine: the rescuer is the only
 * worker. It follows that an item may not wait for another item of the same queue.
 *
 * <p>Arrivals are pushed on a lock-free stack and taken whole by the worker, which turns them round; {@link #queue} takes no lock and
 * allocates nothing. Field legend. A: any thread, atomically; W: the worker only.
 */
public final class Workqueue implements AutoCloseable {

    private final String name;
    private final AtomicReference<@Nullable WorkItem> arrived = new AtomicReference<>(); // A
    private @Nullable WorkItem ready; // W: oldest first
    private final Worker worker;
    private volatile boolean closed;

    private Workqueue(String name, WorkerFactory workers) {
        this.name = name;
        this.worker = workers.start(name, this::runOne);
    }

    /**
     * An ordered queue whose items are run even when no thread can be created.
     *
     * @throws OutOfMemoryError if its worker cannot be made
     */
    public static Workqueue orderedMemReclaim(String name, WorkerFactory workers) {
        return new Workqueue(name, workers);
    }

    /** The queue's name. */
    public String name() {
        return name;
    }

    /**
     * Queues the item, unless it is pending already or the queue is closed.
     *
     * @return whether this call queued it
     */
    public boolean queue(WorkItem item) {
        if (closed || !item.claim()) {
            return false;
        }
        WorkItem top;
        do {
            top = arrived.get();
            item.below = top;
        } while (!arrived.compareAndSet(top, item));
        worker.wake();
        return true;
    }

    /** Whether the caller runs inside an item of this queue. */
    public boolean isCurrent() {
        return worker.isCurrent();
    }

    private boolean runOne() {
        WorkItem item = ready;
        if (item == null) {
            item = oldestFirst(arrived.getAndSet(null));
            if (item == null) {
                return false;
            }
        }
        ready = item.below;
        item.below = null;
        item.run();
        return true;
    }

    private static @Nullable WorkItem oldestFirst(@Nullable WorkItem newest) {
        WorkItem oldest = null;
        WorkItem item = newest;
        while (item != null) {
            WorkItem below = item.below;
            item.below = oldest;
            oldest = item;
            item = below;
        }
        return oldest;
    }

    /**
     * Waits until everything queued before this call has run. For control threads; never from an item.
     *
     * @return whether it had run when the limit was over
     */
    public boolean flush(long limitNanos) throws InterruptedException {
        if (isCurrent()) {
            throw new IllegalStateException("an item of " + name + " waits for its own queue");
        }
        CountDownLatch passed = new CountDownLatch(1);
        if (!queue(new WorkItem(passed::countDown))) {
            return true;
        }
        return passed.await(limitNanos, TimeUnit.NANOSECONDS);
    }

    /** Takes no more items; those not yet started may be dropped. Does not wait. */
    @Override
    public void close() {
        closed = true;
        worker.close();
    }
}
