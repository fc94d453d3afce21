package redoubt.kernfs;

import org.jspecify.annotations.Nullable;
import redoubt.workqueue.SystemQueue;
import redoubt.workqueue.Waits;
import redoubt.workqueue.Workqueue;
import redoubt.workqueue.WorkqueueFlag;
import redoubt.workqueue.WorkqueuePlan;
import redoubt.workqueue.Workqueues;

/**
 * How a tree is built. Pollers are woken by the notifier itself in all trees but one that plays Linux before 5.0; the queue carries what
 * subscribers are told ({@link Subscriber}), and is what the story of 2023 is about.
 *
 * @param notifyQueue whose items tell subscribers; null in a tree that has none
 * @param pollWakeDeferred whether pollers too are woken from the queue, as in Linux 3.16 to 4.20; for the model of that time only
 * @param createsUnactivated whether nodes that are added stay invisible until {@link KernfsNode#activate}
 */
public record KernfsOptions(@Nullable Workqueue notifyQueue, boolean pollWakeDeferred, boolean createsUnactivated) {

    /** The queue that tells subscribers, by name. */
    public static final String QUEUE = "kernfs_wq";

    /** What its items wait for: who mounts or unmounts a tree holds it. */
    public static final String SUPERS_LOCK = "supers lock";

    /** Refuses what cannot be. */
    public KernfsOptions {
        if (pollWakeDeferred && notifyQueue == null) {
            throw new IllegalArgumentException("pollers are to be woken from a queue, and there is none");
        }
    }

    /** No queue: pollers are told of changes, and subscribers cannot be had. */
    public static KernfsOptions pollersOnly() {
        return new KernfsOptions(null, false, false);
    }

    /**
     * A queue with a rescuer of its own, so that subscribers are told also when no thread can be made.
     *
     * @throws OutOfMemoryError if the rescuer cannot be made
     */
    public static KernfsOptions onOwnQueue(Workqueues queues) {
        return on(queues.create(queuePlan()));
    }

    /** As Linux does, and as the patch of 2023 would have changed: the system queue, which has no rescuer. For the model of that time only. */
    public static KernfsOptions onSharedQueue(Workqueues queues) {
        return on(queues.system(SystemQueue.PERCPU));
    }

    /** A queue of the caller's. */
    public static KernfsOptions on(Workqueue queue) {
        return new KernfsOptions(queue, false, false);
    }

    /** What {@value #QUEUE} is to be. Nobody in reclaim depends on it, because pollers are not woken from it. */
    public static WorkqueuePlan queuePlan() {
        return WorkqueuePlan.named(QUEUE, WorkqueueFlag.MEM_RECLAIM).declaring(Waits.on(SUPERS_LOCK));
    }

    /** The same, with pollers woken from the queue: Linux before 5.0. */
    public KernfsOptions deferringPollWake() {
        return new KernfsOptions(notifyQueue, true, createsUnactivated);
    }

    /** The same, with nodes that appear when they are activated. */
    public KernfsOptions creatingUnactivated() {
        return new KernfsOptions(notifyQueue, pollWakeDeferred, true);
    }
}
