package redoubt.base;

import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * How a thread of the control plane waits for something that another thread makes true. In production it parks; in a simulation it
 * lets the others go on. Nothing on the data path waits.
 */
@FunctionalInterface
public interface Parking {

    /**
     * Waits until {@code until} is true, the calling thread is unparked, or the time is over. May return early for no reason, so callers
     * look again.
     */
    void park(BooleanSupplier until, long nanos);

    /** Parks the thread, for 100 ms at most, so that a lost wake-up costs that much and no more. */
    static Parking threads() {
        return (until, nanos) -> {
            if (!until.getAsBoolean()) {
                LockSupport.parkNanos(until, Math.min(nanos, 100_000_000L));
            }
        };
    }
}
