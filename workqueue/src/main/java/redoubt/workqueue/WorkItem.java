package redoubt.workqueue;

import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Something to be done, made once and queued as often as there is cause (Linux, Documentation/core-api/workqueue.rst).
 *
 * <p>An item that is pending is not queued a second time: {@link Workqueue#queue} answers false, and the run that is still to come
 * sees everything stored before that call. PENDING is cleared before the function runs, so an item may be queued again from within
 * it, which leads to exactly one further run. An item never runs twice at the same time.
 */
public class WorkItem {

    private final Runnable function;
    private final AtomicBoolean pending = new AtomicBoolean();

    /** The item below in the queue's arrival stack; touched by whoever set PENDING, then by the queue's worker. */
    @Nullable
    WorkItem below;

    /** Makes an item that is not queued. */
    public WorkItem(Runnable function) {
        this.function = function;
    }

    /** Whether it waits to be run. */
    public boolean pending() {
        return pending.get();
    }

    boolean claim() {
        return pending.compareAndSet(false, true);
    }

    void run() {
        pending.set(false); // a full barrier: what was stored before a refused queue() is seen below
        function.run();
    }
}
