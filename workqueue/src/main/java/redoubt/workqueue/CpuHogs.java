package redoubt.workqueue;

import java.util.IdentityHashMap;
import java.util.function.Consumer;

/**
 * Counts which functions keep a bound worker busy past the threshold. The fourth time is told, then the eighth, the sixteenth and so on; of
 * the first {@link #FUNCTIONS_LIMIT} functions. The map is used under its own monitor, by beats only.
 */
final class CpuHogs {

    static final long THRESHOLD_NANOS = 10_000_000L;
    private static final int FUNCTIONS_LIMIT = 128;
    private static final long TOLD_FIRST = 4;

    private final long thresholdNanos;
    private final Consumer<Report> reports;
    private final IdentityHashMap<Object, long[]> times = new IdentityHashMap<>();

    CpuHogs(long thresholdNanos, Consumer<Report> reports) {
        this.thresholdNanos = thresholdNanos;
        this.reports = reports;
    }

    /** 0: nobody is called a hog. */
    long thresholdNanos() {
        return thresholdNanos;
    }

    void seen(Object function) {
        long count;
        synchronized (times) {
            if (times.size() >= FUNCTIONS_LIMIT && !times.containsKey(function)) {
                return;
            }
            count = ++times.computeIfAbsent(function, _ -> new long[1])[0];
        }
        if (count >= TOLD_FIRST && Long.bitCount(count) == 1) {
            reports.accept(new Report.CpuHog(function.getClass(), count));
        }
    }
}
