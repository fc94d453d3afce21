package redoubt.md;

import redoubt.base.Parking;
import redoubt.workqueue.Waits;
import redoubt.workqueue.Workqueue;
import redoubt.workqueue.WorkqueueFlag;
import redoubt.workqueue.WorkqueuePlan;

/**
 * A queue of md's own that flushes go through, and the writes behind them, as in Linux before 6.12. For the model of that time only: an array
 * that is given none flushes its members in the asker's context, and parks a write at the gate as a slot.
 *
 * <p>All arrays shared the one queue. It had a rescuer, which is one context; and the item that sends a write on behind its flush waits at the
 * gate until the metadata says dirty. So one array whose daemon does not answer holds up the flushes of all, and who waits for those. That is
 * the second stack of the report of 2023.
 *
 * @param queue made by {@link #plan}
 * @param parking how its items wait
 */
public record FlushQueue(Workqueue queue, Parking parking) {

    /** The queue's name, as in the kernel. */
    public static final String NAME = "md";

    /** What the item waits for that sends a write on. */
    public static final String DIRTY_MARK = "dirty mark";

    private static final String WRITE = "write";

    /** What the queue was. */
    public static WorkqueuePlan plan() {
        return WorkqueuePlan.named(NAME, WorkqueueFlag.MEM_RECLAIM)
                .declaring(Waits.on(DIRTY_MARK).neededBy(WRITE));
    }
}
