package redoubt.bench;

/**
 * What one run of a workload against a server showed.
 *
 * @param bytes moved
 * @param seconds that the moving took
 * @param operations done, 0 where the client does not count them
 * @param p50Micros median latency of an operation, 0 where the client does not say
 * @param p99Micros latency that one operation in a hundred exceeds, 0 where the client does not say
 * @param serverCpuSeconds processor time of the server, all its threads, from before the client started until after it ended
 */
record Sample(
        long bytes, double seconds, long operations, double p50Micros, double p99Micros, double serverCpuSeconds) {

    private static final double GIB = 1L << 30;

    /** Operations a second. */
    double operationsPerSecond() {
        return operations / seconds;
    }

    /** Throughput in MB (10^6 bytes) a second. */
    double megabytesPerSecond() {
        return bytes / seconds / 1e6;
    }

    /** Processor seconds of the server for each GiB that it moved. */
    double cpuSecondsPerGib() {
        return serverCpuSeconds / (bytes / GIB);
    }
}
