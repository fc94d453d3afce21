package redoubt.bench;

/** What is taken from a {@link Sample} to compare servers by. */
enum Measure {
    /** Operations a second. */
    OPERATIONS("operations a second"),
    /** MB a second. */
    MEGABYTES("MB a second"),
    /** Median latency. */
    P50("p50"),
    /** Latency that one in a hundred exceeds. */
    P99("p99"),
    /** Processor seconds of the server for a GiB. */
    CPU("server CPU");

    private final String title;

    Measure(String title) {
        this.title = title;
    }

    String title() {
        return title;
    }

    double of(Sample sample) {
        return switch (this) {
            case OPERATIONS -> sample.operationsPerSecond();
            case MEGABYTES -> sample.megabytesPerSecond();
            case P50 -> sample.p50Micros();
            case P99 -> sample.p99Micros();
            case CPU -> sample.cpuSecondsPerGib();
        };
    }
}
