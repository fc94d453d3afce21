package redoubt.workqueue;

import java.util.List;
import java.util.function.Supplier;

/**
 * Looks once a threshold whether a pool has had work all the while and begun none of it, and tells. Progress is that a batch was begun, by a
 * worker or by a rescuer, or that work came where there was none. Whoever keeps everybody from running for a good reason says so with {@link
 * #touch}. Used by one beat.
 */
final class Watchdog {

    private final long thresholdNanos;
    private final Machine machine;
    private final Supplier<WorkqueueView> picture;
    private long nextLookNanos;
    private volatile long touchedNanos;
    private volatile long stalls;

    Watchdog(long thresholdNanos, Machine machine, Supplier<WorkqueueView> picture) {
        this.thresholdNanos = thresholdNanos;
        this.machine = machine;
        this.picture = picture;
        touchedNanos = machine.clock().nanos();
        nextLookNanos = touchedNanos + thresholdNanos;
    }

    void touch() {
        touchedNanos = machine.clock().nanos();
    }

    long stalls() {
        return stalls;
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // written by the beat only
    void beat(long nowNanos, List<WorkerPool> pools) {
        if (thresholdNanos == 0 || nowNanos - nextLookNanos < 0) {
            return;
        }
        nextLookNanos = nowNanos + thresholdNanos;
        for (WorkerPool pool : pools) {
            long since = pool.stuckSince(nowNanos);
            long later = since - touchedNanos > 0 ? since : touchedNanos;
            if (nowNanos - later > thresholdNanos && since != nowNanos) {
                stalls++;
                machine.reports()
                        .accept(new Report.Stall(pool.name, (nowNanos - since) / 1_000_000_000L, picture.get()));
            }
        }
    }
}
