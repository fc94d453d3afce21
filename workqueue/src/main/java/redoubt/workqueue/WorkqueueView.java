package redoubt.workqueue;

import java.util.List;
import java.util.Set;

/**
 * A picture of pools and queues, for people and programs that look; plain data. Each pool is looked at under its own lock, one after
 * another, so two pools are not of the same moment.
 */
public record WorkqueueView(List<PoolView> pools, List<QueueView> queues) {

    /** Copies. */
    public WorkqueueView {
        pools = List.copyOf(pools);
        queues = List.copyOf(queues);
    }

    /**
     * One pool.
     *
     * @param processor -1 for an unbound one
     * @param running how many bound workers run an item and do not block
     * @param maydays how often it called for help
     * @param failures how often no worker could be made
     * @param stuckNanos for how long it has had work and begun none
     */
    public record PoolView(
            String name,
            int processor,
            int nice,
            int workers,
            int idle,
            int running,
            int waiting,
            boolean managing,
            long maydays,
            long failures,
            long stuckNanos) {}

    /**
     * One queue.
     *
     * @param rescued how many items its rescuer has begun, batches of barriers not counted; 0 without one
     */
    public record QueueView(
            String name,
            Set<WorkqueueFlag> flags,
            int maxActive,
            int minActive,
            boolean rescuer,
            long rescued,
            boolean draining,
            boolean frozen,
            int flushes,
            Waits waits,
            List<JointView> joints) {

        /** Copies. */
        public QueueView {
            joints = List.copyOf(joints);
        }
    }

    /**
     * What one queue has in one pool.
     *
     * @param inFlight what is queued or running, barriers too
     */
    public record JointView(String pool, int active, int inactive, int inFlight, boolean retired) {}
}
