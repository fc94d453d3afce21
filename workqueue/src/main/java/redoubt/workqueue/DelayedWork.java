package redoubt.workqueue;

import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * A work item with a timer. It is pending all the while, so that queueing it again is refused; {@link Workqueue#modifyAfter} moves its time.
 * It may be late by one beat.
 */
public final class DelayedWork extends WorkItem {

    @Nullable
    Workqueue queue; // written by who owns PENDING

    long dueNanos; // T
    boolean ticking; // T
    int slot; // T

    @Nullable
    DelayedWork nextTimer; // T

    @Nullable
    DelayedWork previousTimer; // T

    private volatile @Nullable Timers timers; // A: those it was last on

    /** Makes an item that is not queued. */
    public DelayedWork(Runnable function) {
        super(function);
    }

    void on(Timers where) {
        timers = where;
    }

    @Override
    boolean hasTimer() {
        Timers where = timers;
        return where != null && where.has(this);
    }

    @Override
    boolean takeOffTimer() {
        Timers where = timers;
        return where != null && where.remove(this);
    }

    /**
     * Queues it now if it waits for its time, and waits until its run is over.
     *
     * @return whether there was anything to wait for
     * @throws TimeoutException if it was not over within the limit
     */
    public boolean flushNow(long limitNanos) throws InterruptedException, TimeoutException {
        if (takeOffTimer()) {
            Workqueue target = queue;
            if (target != null) {
                target.insertClaimed(this);
            }
        }
        return flush(limitNanos);
    }
}
