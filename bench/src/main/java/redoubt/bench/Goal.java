package redoubt.bench;

import static redoubt.bench.ServerPlans.NBDKIT_FILE;
import static redoubt.bench.ServerPlans.QEMU_QUORUM;

import java.util.List;
import java.util.OptionalDouble;

/**
 * What a level of ours shall reach beside a peer.
 *
 * @param row its number in the list of goals
 * @param workload where
 * @param measure of what
 * @param peer beside whom
 * @param raid0 the bound on the ratio, 0 for none; an upper bound for latency and CPU, else a lower one
 * @param raid1 the same, also for RAID10
 * @param raid5 the same
 */
record Goal(int row, String workload, Measure measure, String peer, double raid0, double raid1, double raid5) {

    /** All goals that this comparison can judge; a RAID10 is held to what is asked of a RAID1. */
    static List<Goal> all() {
        return List.of(
                new Goal(1, Workload.RANDREAD_1, Measure.OPERATIONS, NBDKIT_FILE, 2.0, 2.0, 2.0),
                new Goal(1, Workload.RANDREAD_1, Measure.P50, NBDKIT_FILE, 0.5, 0.5, 0),
                new Goal(1, Workload.RANDREAD_1, Measure.P99, NBDKIT_FILE, 0.7, 0.7, 0),
                new Goal(2, Workload.RANDREAD_32, Measure.OPERATIONS, NBDKIT_FILE, 1.9, 1.9, 1.9),
                new Goal(2, Workload.RANDREAD_32, Measure.OPERATIONS, QEMU_QUORUM, 4, 4, 0),
                new Goal(2, Workload.RANDREAD_32, Measure.P99, NBDKIT_FILE, 0.5, 0.5, 0.5),
                new Goal(3, Workload.RANDREAD_4X8, Measure.OPERATIONS, NBDKIT_FILE, 2.0, 2.0, 2.0),
                new Goal(3, Workload.RANDREAD_4X8, Measure.OPERATIONS, QEMU_QUORUM, 6, 6, 0),
                new Goal(4, Workload.LEAN_RANDREAD_32, Measure.OPERATIONS, NBDKIT_FILE, 3, 3, 3),
                new Goal(5, Workload.RANDWRITE_1, Measure.OPERATIONS, NBDKIT_FILE, 1.6, 1.6, 1.4),
                new Goal(5, Workload.RANDWRITE_1, Measure.OPERATIONS, QEMU_QUORUM, 3.5, 3.5, 0),
                new Goal(6, Workload.RANDWRITE_32, Measure.OPERATIONS, NBDKIT_FILE, 1.2, 1.1, 0.9),
                new Goal(6, Workload.RANDWRITE_32, Measure.OPERATIONS, QEMU_QUORUM, 0, 5, 0),
                new Goal(7, Workload.LEAN_RANDWRITE_4X8, Measure.OPERATIONS, NBDKIT_FILE, 3, 2.5, 1.5),
                new Goal(8, Workload.READ_128K, Measure.MEGABYTES, NBDKIT_FILE, 1.5, 1.5, 1.4),
                new Goal(8, Workload.READ_128K, Measure.MEGABYTES, QEMU_QUORUM, 2, 2, 0),
                new Goal(8, Workload.READ_1M, Measure.MEGABYTES, NBDKIT_FILE, 1.5, 1.5, 1.4),
                new Goal(8, Workload.READ_1M, Measure.MEGABYTES, QEMU_QUORUM, 2, 2, 0),
                new Goal(9, Workload.WRITE_1M, Measure.MEGABYTES, NBDKIT_FILE, 1.7, 1.2, 1.2),
                new Goal(9, Workload.WRITE_1M, Measure.MEGABYTES, QEMU_QUORUM, 0, 2.5, 0),
                new Goal(10, Workload.COPY_READ, Measure.MEGABYTES, NBDKIT_FILE, 1.5, 1.5, 1.4),
                new Goal(10, Workload.COPY_READ, Measure.MEGABYTES, QEMU_QUORUM, 0, 2, 0),
                new Goal(10, Workload.COPY_WRITE, Measure.MEGABYTES, NBDKIT_FILE, 1.2, 1.2, 1.0),
                new Goal(10, Workload.COPY_WRITE, Measure.MEGABYTES, QEMU_QUORUM, 0, 1.8, 0),
                new Goal(11, Workload.RANDREAD_32, Measure.CPU, NBDKIT_FILE, 0.4, 0.4, 0.4),
                new Goal(11, Workload.READ_128K, Measure.CPU, NBDKIT_FILE, 0.5, 0.5, 0.5),
                new Goal(11, Workload.RANDWRITE_32, Measure.CPU, NBDKIT_FILE, 0, 0, 1.0));
    }

    /** Whether more is worse. */
    boolean bounded() {
        return switch (measure) {
            case OPERATIONS, MEGABYTES -> false;
            case P50, P99, CPU -> true;
        };
    }

    /** The bound for a server, if it has one. */
    OptionalDouble bound(String server) {
        double bound = switch (server) {
            case "raid0" -> raid0;
            case "raid1", "raid10" -> raid1;
            case "raid5" -> raid5;
            default -> 0;
        };
        return bound == 0 ? OptionalDouble.empty() : OptionalDouble.of(bound);
    }

    boolean met(double ratio, double bound) {
        return bounded() ? ratio <= bound : ratio >= bound;
    }
}
