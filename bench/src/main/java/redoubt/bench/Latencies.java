package redoubt.bench;

/** Counts durations in steps of about 3 percent. One thread. */
final class Latencies {

    private static final int STEPS = 32; // to each doubling

    private final long[] counts = new long[64 * STEPS];
    private long total;

    void record(long nanos) {
        counts[step(Math.max(1, nanos))]++;
        total++;
    }

    private static int step(long nanos) {
        int doubling = 63 - Long.numberOfLeadingZeros(nanos);
        long within = ((nanos << (63 - doubling)) & Long.MAX_VALUE) >>> (63 - 5);
        return doubling * STEPS + (int) within;
    }

    private static double middle(int step) {
        double start = Math.pow(2, Math.floorDiv(step, STEPS));
        return start * (1 + (step % STEPS + 0.5) / STEPS);
    }

    void add(Latencies others) {
        for (int i = 0; i < counts.length; i++) {
            counts[i] += others.counts[i];
        }
        total += others.total;
    }

    /** The duration, in microseconds, that this part of all do not exceed. */
    double micros(double part) {
        long wanted = (long) Math.ceil(total * part);
        long seen = 0;
        for (int i = 0; i < counts.length; i++) {
            seen += counts[i];
            if (seen >= wanted && seen > 0) {
                return middle(i) / 1000;
            }
        }
        return 0;
    }
}
