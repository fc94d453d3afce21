package redoubt.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What a process has used, as the kernel counts it. */
final class ProcessUse {

    /** What the kernel calls USER_HZ; the same on every architecture that Linux still runs on. */
    private static final double TICKS_PER_SECOND = 100;

    private ProcessUse() {}

    /** Processor seconds of a process, user and system, all its threads, also those that have ended. */
    static double cpuSeconds(long pid) throws IOException {
        String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
        // The name stands in parentheses and may hold anything.
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
        return (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) / TICKS_PER_SECOND;
    }

    /**
     * Memory that a process holds, its share of what it has in common with others, without shared memory (its mappings of files on tmpfs,
     * which are the members); in bytes.
     */
    static Memory memory(long pid) throws IOException {
        long all = 0;
        long shared = 0;
        long anonymous = 0;
        for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/smaps_rollup"))) {
            String[] words = line.trim().split("\\s+", -1);
            switch (words[0]) {
                case "Pss:" -> all = Long.parseLong(words[1]) << 10;
                case "Pss_Shmem:" -> shared = Long.parseLong(words[1]) << 10;
                case "Pss_Anon:" -> anonymous = Long.parseLong(words[1]) << 10;
                default -> {}
            }
        }
        return new Memory(all - shared, anonymous);
    }

    /**
     * Memory of a process.
     *
     * @param beyondFiles all but mappings of files on tmpfs
     * @param anonymous of that, what is no file
     */
    record Memory(long beyondFiles, long anonymous) {}
}
