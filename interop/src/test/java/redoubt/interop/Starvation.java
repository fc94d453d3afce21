package redoubt.interop;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Stream;

/**
 * A group of processes that have a thousandth of a processor together, and one of them wants all of it: whoever is put into it does all that he did, and
 * next to never. Taken away it gives them back.
 */
final class Starvation implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofSeconds(10);
    private static final int PERIOD_MICROS = 1_000_000; // the longest there is
    private static final int QUOTA_MICROS = 1_000; // the least there is

    private final Path parent;
    private final Path group;
    private final Process hog;

    private Starvation(Path parent, Path group, Process hog) {
        this.parent = parent;
        this.group = group;
        this.hog = hog;
    }

    /** Makes an empty one, or {@link PeerMissing} where this cannot be had. */
    static Starvation make() throws IOException {
        Path parent = Stream.of("/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct")
                .map(Path::of)
                .filter(Files::isWritable)
                .findFirst()
                .orElseThrow(() -> new PeerMissing("this needs root and the cpu controller of cgroups, version 1"));
        Path group = Files.createTempDirectory(parent, "redoubt-starved-");
        Process hog = new ProcessBuilder("/bin/sh", "-c", "while :; do :; done").start();
        Starvation starvation = new Starvation(parent, group, hog);
        try {
            Files.writeString(group.resolve("cpu.cfs_period_us"), Integer.toString(PERIOD_MICROS));
            Files.writeString(group.resolve("cpu.cfs_quota_us"), Integer.toString(QUOTA_MICROS));
            starvation.takes(hog.pid());
        } catch (IOException refused) {
            starvation.close();
            throw new PeerMissing("no limit can be set to what a group has of the processors: " + refused);
        }
        return starvation;
    }

    /** Puts a process in, with all its threads. */
    void takes(long pid) throws IOException {
        Files.writeString(group.resolve("cgroup.procs"), Long.toString(pid));
    }

    /** How often somebody in it wanted to run and was not let. */
    long throttled() throws IOException {
        return Files.readAllLines(group.resolve("cpu.stat")).stream()
                .filter(line -> line.startsWith("nr_throttled "))
                .mapToLong(line -> Long.parseLong(line.substring(line.indexOf(' ') + 1)))
                .sum();
    }

    /** Lets all go that were put into it. */
    void release() throws IOException {
        for (String pid : Files.readAllLines(group.resolve("cgroup.procs"))) {
            if (!pid.equals(Long.toString(hog.pid()))) {
                try {
                    Files.writeString(parent.resolve("cgroup.procs"), pid);
                } catch (IOException ended) {
                    // It has gone by itself.
                }
            }
        }
    }

    @Override
    public void close() {
        hog.destroyForcibly();
        Await.until("the group is empty and gone", LIMIT, () -> {
            release();
            try {
                Files.deleteIfExists(group);
                return true;
            } catch (IOException busy) {
                return false;
            }
        });
    }
}
