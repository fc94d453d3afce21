package redoubt.workqueue;

import java.util.EnumSet;
import java.util.Set;

/**
 * What a queue is to be. Made with {@link #named}, then told more.
 *
 * @param maxActive how many items may be active: for each processor, or for an unbound queue in all, shared among the nodes
 * @param minActive how many of an unbound queue each node is given at least
 */
public record WorkqueuePlan(
        String name, Set<WorkqueueFlag> flags, int maxActive, int minActive, Waits waits, RescueOrder rescueOrder) {

    /** What {@link #maxActive} may be at most. */
    public static final int MAX_ACTIVE = 2048;

    /** What it is if nothing is said. */
    public static final int DEFAULT_ACTIVE = 1024;

    /** What {@link #minActive} is if nothing is said and there is room. */
    public static final int DEFAULT_MIN_ACTIVE = 8;

    /** How long a name may be. */
    public static final int NAME_LIMIT = 64;

    /** Refuses what cannot be. */
    public WorkqueuePlan {
        if (name.isEmpty() || name.length() > NAME_LIMIT) {
            throw new IllegalArgumentException("a queue's name has 1 to " + NAME_LIMIT + " characters: '" + name + "'");
        }
        flags = Set.copyOf(flags);
        if (flags.contains(WorkqueueFlag.UNBOUND) && flags.contains(WorkqueueFlag.PERCPU)) {
            throw new IllegalArgumentException(name + " cannot be unbound and per processor");
        }
        boolean ordered = flags.contains(WorkqueueFlag.ORDERED);
        if (ordered && !flags.contains(WorkqueueFlag.UNBOUND)) {
            throw new IllegalArgumentException(name + " is ordered and has to be unbound");
        }
        maxActive = ordered ? 1 : Math.clamp(maxActive, 1, MAX_ACTIVE);
        minActive = Math.clamp(minActive, 1, maxActive);
        if (waits.isNeededInReclaim() && !flags.contains(WorkqueueFlag.MEM_RECLAIM)) {
            throw new IllegalArgumentException(
                    name + " is needed in reclaim by " + waits.neededInReclaimBy() + " and has no rescuer");
        }
    }

    /** A queue with these flags and nothing else said. */
    public static WorkqueuePlan named(String name, WorkqueueFlag... flags) {
        EnumSet<WorkqueueFlag> set = EnumSet.noneOf(WorkqueueFlag.class);
        set.addAll(Set.of(flags));
        return new WorkqueuePlan(
                name, set, DEFAULT_ACTIVE, DEFAULT_MIN_ACTIVE, Waits.forNothing(), RescueOrder.ONE_BY_ONE);
    }

    /** One item at a time. */
    public static WorkqueuePlan ordered(String name, WorkqueueFlag... more) {
        EnumSet<WorkqueueFlag> set = EnumSet.of(WorkqueueFlag.UNBOUND, WorkqueueFlag.ORDERED);
        set.addAll(Set.of(more));
        return new WorkqueuePlan(name, set, 1, 1, Waits.forNothing(), RescueOrder.ONE_BY_ONE);
    }

    /** The same with another limit; 0 stands for {@link #DEFAULT_ACTIVE}. */
    public WorkqueuePlan maxActive(int limit) {
        int max = limit == 0 ? DEFAULT_ACTIVE : limit;
        return new WorkqueuePlan(name, flags, max, Math.min(max, DEFAULT_MIN_ACTIVE), waits, rescueOrder);
    }

    /** The same with another least share of a node. */
    public WorkqueuePlan minActive(int limit) {
        return new WorkqueuePlan(name, flags, maxActive, limit, waits, rescueOrder);
    }

    /** The same, with what its items wait for and who waits for them. */
    public WorkqueuePlan declaring(Waits declared) {
        return new WorkqueuePlan(name, flags, maxActive, minActive, declared, rescueOrder);
    }

    /** The same, rescued in this order. */
    public WorkqueuePlan rescued(RescueOrder order) {
        return new WorkqueuePlan(name, flags, maxActive, minActive, waits, order);
    }

    boolean has(WorkqueueFlag flag) {
        return flags.contains(flag);
    }
}
