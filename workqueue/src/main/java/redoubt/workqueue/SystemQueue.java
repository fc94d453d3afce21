package redoubt.workqueue;

/** The queues that are there for everybody. None has a rescuer: nothing that memory reclaim depends on may be queued here. */
public enum SystemQueue {
    /** Per processor; for short items. */
    PERCPU(WorkqueuePlan.named("events", WorkqueueFlag.PERCPU)),
    /** Per processor, before others. */
    HIGHPRI(WorkqueuePlan.named("events_highpri", WorkqueueFlag.HIGHPRI, WorkqueueFlag.PERCPU)),
    /** Per processor; for items that take long. */
    LONG(WorkqueuePlan.named("events_long", WorkqueueFlag.PERCPU)),
    /** Not tied to a processor. */
    UNBOUND(WorkqueuePlan.named("events_unbound", WorkqueueFlag.UNBOUND).maxActive(WorkqueuePlan.MAX_ACTIVE)),
    /** Begins nothing while the queues are frozen. */
    FREEZABLE(WorkqueuePlan.named("events_freezable", WorkqueueFlag.FREEZABLE, WorkqueueFlag.PERCPU)),
    /** Unbound where power is to be saved. */
    POWER_EFFICIENT(WorkqueuePlan.named("events_power_efficient", WorkqueueFlag.POWER_EFFICIENT, WorkqueueFlag.PERCPU)),
    /** Both of the above. */
    FREEZABLE_POWER_EFFICIENT(WorkqueuePlan.named(
            "events_freezable_pwr_efficient",
            WorkqueueFlag.FREEZABLE,
            WorkqueueFlag.POWER_EFFICIENT,
            WorkqueueFlag.PERCPU)),
    /** Not tied to a processor; for items that take long. */
    UNBOUND_LONG(WorkqueuePlan.named("events_dfl_long", WorkqueueFlag.UNBOUND).maxActive(WorkqueuePlan.MAX_ACTIVE));

    @SuppressWarnings("ImmutableEnumChecker") // a record of copies
    private final WorkqueuePlan plan;

    SystemQueue(WorkqueuePlan plan) {
        this.plan = plan;
    }

    /** What it is. */
    public WorkqueuePlan plan() {
        return plan;
    }
}
