package redoubt.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Where a result was measured: figures without it mean nothing. */
final class Machine {

    private Machine() {}

    static String cpu() throws IOException {
        String model = Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
                .filter(line -> line.startsWith("model name"))
                .map(line -> line.substring(line.indexOf(':') + 1).trim())
                .findFirst()
                .orElse("unknown processor");
        return Runtime.getRuntime().availableProcessors() + " x " + model;
    }

    static String kernel() throws IOException {
        return Files.readString(Path.of("/proc/sys/kernel/osrelease")).trim();
    }

    /** The average number of tasks that ran or wanted to, over the last minute. */
    static double load() throws IOException {
        return Double.parseDouble(Files.readString(Path.of("/proc/loadavg")).split(" ", -1)[0]);
    }

    /** Memory that can be had, in bytes. */
    static long availableBytes() throws IOException {
        return Files.readAllLines(Path.of("/proc/meminfo")).stream()
                .filter(line -> line.startsWith("MemAvailable:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) << 10)
                .findFirst()
                .orElse(Long.MAX_VALUE);
    }

    /** The commit of a checkout, with a sign if it has been changed since. */
    static String commit(Path root, Path errors) throws InterruptedException {
        try {
            String name = Commands.run(
                            List.of("git", "-C", root.toString(), "rev-parse", "--short=10", "HEAD"),
                            Map.of(),
                            errors,
                            10)
                    .trim();
            String changes = Commands.run(
                    List.of("git", "-C", root.toString(), "status", "--porcelain", "--untracked-files=no"),
                    Map.of(),
                    errors,
                    10);
            return changes.lines().allMatch(line -> line.endsWith("docs/benchmarks.md")) ? name : name + " and changes";
        } catch (IOException noRepository) {
            return "unknown";
        }
    }

    /** The first line of what a program says when asked for its version. */
    static String version(String program, Path errors) throws InterruptedException {
        try {
            return Commands.run(List.of(program, "--version"), Map.of(), errors, 10)
                    .lines()
                    .findFirst()
                    .orElse(program);
        } catch (IOException silent) {
            return program + " of unknown version";
        }
    }
}
