package redoubt.workqueue;

import java.util.function.Consumer;

/**
 * How a house of workqueues is built.
 *
 * @param processors how many bound pools of each priority there are
 * @param nodes how many unbound pools of each priority there are at most, among which processors and limits are shared
 * @param powerEfficient whether queues that ask for it are unbound
 * @param watchdogNanos how long a pool may have work and begin none before somebody is told; 0 never tells
 * @param cpuHogNanos how long an item may keep a bound pool to itself without blocking; 0 is for ever
 * @param reports who is told what goes wrong; called from any thread, also from the heartbeat, and must not block
 */
public record WorkqueuesOptions(
        int processors,
        int nodes,
        boolean powerEfficient,
        long watchdogNanos,
        long cpuHogNanos,
        Consumer<Report> reports) {

    /** After this long without progress somebody is told. */
    public static final long WATCHDOG_NANOS = 30_000_000_000L;

    private static final int PROCESSORS_LIMIT = 1024;

    /** Refuses what cannot be. */
    public WorkqueuesOptions {
        if (processors < 1 || processors > PROCESSORS_LIMIT || nodes < 1 || nodes > processors) {
            throw new IllegalArgumentException(
                    "there are 1 to 1024 processors and no more nodes than these: " + processors + ", " + nodes);
        }
        if (watchdogNanos < 0 || cpuHogNanos < 0) {
            throw new IllegalArgumentException("a threshold is negative");
        }
    }

    /** For so many processors in one node, with the usual thresholds. */
    public static WorkqueuesOptions of(int processors, Consumer<Report> reports) {
        return new WorkqueuesOptions(processors, 1, false, WATCHDOG_NANOS, CpuHogs.THRESHOLD_NANOS, reports);
    }

    /** The same, in so many nodes. */
    public WorkqueuesOptions inNodes(int count) {
        return new WorkqueuesOptions(processors, count, powerEfficient, watchdogNanos, cpuHogNanos, reports);
    }

    /** The same, saving power or not. */
    public WorkqueuesOptions savingPower(boolean save) {
        return new WorkqueuesOptions(processors, nodes, save, watchdogNanos, cpuHogNanos, reports);
    }
}
