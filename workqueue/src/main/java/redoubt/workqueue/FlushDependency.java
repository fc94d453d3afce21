package redoubt.workqueue;

/**
 * Finds a wait by which memory reclaim could be held up: somebody who reclaims memory, or an item of a queue with a rescuer, waits for a
 * queue without one. That queue may not get a worker until memory is free, which is what the waiter is there for. Told once for each queue
 * waited for. Cancelling is left out, since it waits for a run that has begun. It sees flushes; other waits are declared, see {@link Waits}.
 */
final class FlushDependency {

    private FlushDependency() {}

    static void check(Workqueue target) {
        if (target.has(WorkqueueFlag.MEM_RECLAIM)) {
            return;
        }
        Current current = Current.get();
        Workqueue own = current.queue();
        if (current.reclaiming > 0) {
            report("a thread that reclaims memory", target);
        } else if (own != null && own.has(WorkqueueFlag.MEM_RECLAIM) && !own.has(WorkqueueFlag.LEGACY)) {
            report(own.name(), target);
        }
    }

    private static void report(String waiter, Workqueue target) {
        if (target.toldOfDependency.compareAndSet(false, true)) {
            target.machine.reports().accept(new Report.FlushDependency(waiter, target.name()));
        }
    }
}
