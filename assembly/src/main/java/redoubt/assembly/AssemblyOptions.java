package redoubt.assembly;

import java.util.OptionalLong;
import java.util.Set;
import redoubt.md.ArrayPlan;

/**
 * How a container is to be assembled. A value: start from {@link #READ_ONLY} or {@link #WRITABLE} and change what differs.
 *
 * @param writable whether its volumes may be written; else nothing at all is written to any disk
 * @param insisted what the user insists on
 * @param arrays the volumes that are wanted, by name or UUID; empty for all
 * @param memberTimeoutNanos the age at which a request to a member is given up and the member with it; 0 for never
 * @param safeModeDelayNanos how long after the last write a volume is marked clean; 0: only when it is stopped
 * @param requestsPerArray how many requests to members an array may have under way
 * @param daemonDeadlineNanos present where a daemon outside keeps the metadata: how long the arrays wait for it before the engine takes over, 0
 *     for ever
 */
public record AssemblyOptions(
        boolean writable,
        Set<Insistence> insisted,
        Set<String> arrays,
        long memberTimeoutNanos,
        long safeModeDelayNanos,
        int requestsPerArray,
        OptionalLong daemonDeadlineNanos) {

    private static final long MEMBER_TIMEOUT_NANOS = 30_000_000_000L;
    private static final int REQUESTS = 1024;

    /** Read-only, everything, 30 seconds for a member. */
    public static final AssemblyOptions READ_ONLY = new AssemblyOptions(
            false,
            Set.of(),
            Set.of(),
            MEMBER_TIMEOUT_NANOS,
            ArrayPlan.IMSM_SAFE_MODE_DELAY_NANOS,
            REQUESTS,
            OptionalLong.empty());

    /** Writable, everything, 30 seconds for a member. */
    public static final AssemblyOptions WRITABLE = new AssemblyOptions(
            true,
            Set.of(),
            Set.of(),
            MEMBER_TIMEOUT_NANOS,
            ArrayPlan.IMSM_SAFE_MODE_DELAY_NANOS,
            REQUESTS,
            OptionalLong.empty());

    /** Takes unchangeable copies. */
    public AssemblyOptions {
        insisted = Set.copyOf(insisted);
        arrays = Set.copyOf(arrays);
    }

    /** The same with these insisted on. */
    public AssemblyOptions insisting(Set<Insistence> changed) {
        return new AssemblyOptions(
                writable,
                changed,
                arrays,
                memberTimeoutNanos,
                safeModeDelayNanos,
                requestsPerArray,
                daemonDeadlineNanos);
    }

    /** The same for these volumes only. */
    public AssemblyOptions forArrays(Set<String> changed) {
        return new AssemblyOptions(
                writable,
                insisted,
                changed,
                memberTimeoutNanos,
                safeModeDelayNanos,
                requestsPerArray,
                daemonDeadlineNanos);
    }

    /** The same with another time limit for members. */
    public AssemblyOptions withMemberTimeoutNanos(long changed) {
        return new AssemblyOptions(
                writable, insisted, arrays, changed, safeModeDelayNanos, requestsPerArray, daemonDeadlineNanos);
    }

    /** The same with another safe-mode delay. */
    public AssemblyOptions withSafeModeDelayNanos(long changed) {
        return new AssemblyOptions(
                writable, insisted, arrays, memberTimeoutNanos, changed, requestsPerArray, daemonDeadlineNanos);
    }

    /** The same with the metadata kept by a daemon outside. */
    public AssemblyOptions keptOutside(long deadlineNanos) {
        return new AssemblyOptions(
                writable,
                insisted,
                arrays,
                memberTimeoutNanos,
                safeModeDelayNanos,
                requestsPerArray,
                OptionalLong.of(deadlineNanos));
    }
}
