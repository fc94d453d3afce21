package redoubt.interop;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;

/** A program in Python that reads an attribute, sleeps in {@code poll(POLLPRI)}, reads, and so on, and says what it meets. */
final class PollingClient implements AutoCloseable {

    /** What poll answers for an attribute that changed: {@code POLLPRI|POLLERR}. */
    static final int CHANGED = 0x2 | 0x8;

    private static final Duration LIMIT = Duration.ofSeconds(30);

    /** x86-64's poll, and ppoll there and on aarch64, as /proc shows them. */
    private static final List<String> POLLS = List.of("7 ", "271 ", "73 ");

    private static final String PROGRAM = """
            import os, select, sys, time
            f = os.open(sys.argv[1], os.O_RDONLY)
            p = select.poll()
            p.register(f, select.POLLPRI)
            got, now = [(f, 0)], 0
            while got:
                print(got[0][1], now, os.pread(f, 4096, 0).decode().strip(), flush=True)
                got = p.poll(20000)
                now = time.monotonic_ns()
            """;

    /**
     * One reading.
     *
     * @param events what poll answered before it; 0 for the first
     * @param nanos when poll answered, on the clock of {@link System#nanoTime}
     */
    record Reading(int events, long nanos, String value) {}

    private final Process process;
    private final BufferedReader said;

    private PollingClient(Process process) {
        this.process = process;
        this.said = process.inputReader(StandardCharsets.US_ASCII);
    }

    static PollingClient start(Path attribute) throws IOException {
        return start(List.of(Peer.PYTHON.path().toString()), attribute);
    }

    /**
     * Starts one.
     *
     * @param python the words of a command that becomes Python
     */
    static PollingClient start(List<String> python, Path attribute) throws IOException {
        List<String> words = Stream.concat(python.stream(), Stream.of("-c", PROGRAM, attribute.toString()))
                .toList();
        return new PollingClient(
                new ProcessBuilder(words).redirectErrorStream(true).start());
    }

    /** The next reading; an error where there is none in 20 seconds. */
    Reading next() throws IOException {
        String line = said.readLine();
        if (line == null) {
            throw new AssertionError("the client ended: it slept, and was told of nothing");
        }
        String[] words = line.split(" ", -1);
        if (words.length != 3) {
            throw new AssertionError("the client says: " + line + said.lines().toList());
        }
        return new Reading(Integer.parseInt(words[0]), Long.parseLong(words[1]), words[2]);
    }

    /** Whether it has said more than was asked for. */
    boolean hasNext() throws IOException {
        return said.ready();
    }

    /** So that it is woken by what comes next, and not told of it when it asks. */
    void awaitSleep() {
        Await.until("the client sleeps in poll", LIMIT, this::sleeps);
    }

    boolean sleeps() throws IOException {
        String call = Files.readString(Path.of("/proc", Long.toString(process.pid()), "syscall"));
        return POLLS.stream().anyMatch(call::startsWith);
    }

    @Override
    public void close() throws IOException {
        process.destroyForcibly();
        said.close();
    }
}
