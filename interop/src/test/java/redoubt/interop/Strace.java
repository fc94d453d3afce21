package redoubt.interop;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** {@code strace} beside one thread of a daemon, which it holds from {@link #beside} on until it is closed. */
record Strace(Process process, Path output) implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    /**
     * Starts one and waits until it holds the thread, or that is not to come.
     *
     * @param over whether the daemon has ended: it may be killed at the call in which it slept
     * @param output what it says of calls; what it says of itself goes beside it
     */
    static Strace beside(long thread, Await.Condition over, Path output, String... options) throws IOException {
        List<String> words = new ArrayList<>(
                List.of(Peer.STRACE.path().toString(), "-p", Long.toString(thread), "-o", output.toString()));
        words.addAll(List.of(options));
        Process process = new ProcessBuilder(words)
                .redirectErrorStream(true)
                .redirectOutput(Path.of(output + ".said").toFile())
                .start();
        Strace strace = new Strace(process, output);
        try {
            Await.until("strace holds the thread", LIMIT, () -> over.holds() || isHeld(thread));
            return strace;
        } catch (TimeLimitPassed notHeld) {
            strace.close();
            throw notHeld;
        }
    }

    private static boolean isHeld(long thread) throws IOException {
        return Files.readAllLines(Path.of("/proc", Long.toString(thread), "status")).stream()
                .noneMatch(line -> line.matches("TracerPid:\\s+0"));
    }

    @Override
    public void close() {
        process.destroy();
        Await.until("strace has let go", LIMIT, () -> !process.isAlive());
    }
}
