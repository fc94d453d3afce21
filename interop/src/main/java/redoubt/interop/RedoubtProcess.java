package redoubt.interop;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/** A running {@code redoubt serve}, and what it says meanwhile. Closing kills it if nothing has stopped it before. */
public final class RedoubtProcess implements AutoCloseable {
    private static final Duration READY_LIMIT = Duration.ofMinutes(1);
    private static final Duration STOP_LIMIT = Duration.ofSeconds(30);
    private static final AtomicInteger SERVED = new AtomicInteger();

    private final List<String> line;
    private final Process process;
    private final Path socket;
    private final Path control;
    private final Path out;
    private final Path err;

    private RedoubtProcess(List<String> line, Process process, Path socket, Path control, Path out, Path err) {
        this.line = line;
        this.process = process;
        this.socket = socket;
        this.control = control;
        this.out = out;
        this.err = err;
    }

    static RedoubtProcess serve(Redoubt redoubt, Scratch scratch, List<String> words) {
        int number = SERVED.incrementAndGet();
        Path socket = scratch.file("nbd" + number);
        Path control = scratch.file("control" + number);
        List<String> all =
                new ArrayList<>(List.of("serve", "--listen", "unix:" + socket, "--control", control.toString()));
        all.addAll(words);
        List<String> line = redoubt.line(all);
        Path out = scratch.file("serve%d.out".formatted(number));
        Path err = scratch.file("serve%d.err".formatted(number));
        ProcessBuilder builder = new ProcessBuilder(line)
                .redirectInput(Path.of("/dev/null").toFile())
                .redirectOutput(out.toFile())
                .redirectError(err.toFile());
        builder.environment().putAll(redoubt.environment());
        try {
            RedoubtProcess served = new RedoubtProcess(line, builder.start(), socket, control, out, err);
            served.awaitReady();
            return served;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void awaitReady() {
        try {
            Await.until(
                    "redoubt serve to greet", READY_LIMIT, () -> !process.isAlive() || NbdGreeting.isGivenAt(socket));
        } catch (TimeLimitPassed e) {
            close();
            throw new TimeLimitPassed("%s%n%s".formatted(e.getMessage(), outcome(-1)), e);
        }
        if (!process.isAlive()) {
            throw new AssertionError("serve ended before it served%n%s".formatted(outcome(process.exitValue())));
        }
    }

    /** The Unix socket on which it serves NBD. */
    public Path socket() {
        return socket;
    }

    /** The socket for {@code --control}. */
    public Path control() {
        return control;
    }

    /** The NBD URI of one volume; the empty name is the first. */
    public String uri(String volume) {
        return "nbd+unix:///%s?socket=%s".formatted(URLEncoder.encode(volume, StandardCharsets.UTF_8), socket);
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    public long pid() {
        return process.pid();
    }

    /** How many threads it has. */
    public long threads() throws IOException {
        return count("task");
    }

    /** How many files and sockets it has open. */
    public long descriptors() throws IOException {
        return count("fd");
    }

    private long count(String what) throws IOException {
        try (Stream<Path> all = Files.list(Path.of("/proc", Long.toString(pid()), what))) {
            return all.count();
        }
    }

    /** Asks it to stop (SIGTERM) and returns how it ended, which should be with 0. */
    public Outcome stop() {
        process.destroy();
        return awaitEnd();
    }

    /** Ends it at once (SIGKILL): whatever was in its hands is lost. */
    public void kill() {
        process.destroyForcibly();
        awaitEnd();
    }

    private Outcome awaitEnd() {
        try {
            if (!process.waitFor(STOP_LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new TimeLimitPassed(
                        "serve did not end within %d s%n%s".formatted(STOP_LIMIT.toSeconds(), outcome(-1)));
            }
            return outcome(process.exitValue());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new TimeLimitPassed("interrupted while serve ends", e);
        }
    }

    /** What it has said so far. */
    public Outcome outcome() {
        return outcome(process.isAlive() ? -1 : process.exitValue());
    }

    private Outcome outcome(int exitCode) {
        return new Outcome(line, exitCode, text(out), text(err));
    }

    private static String text(Path file) {
        try {
            return Files.exists(file) ? new String(Files.readAllBytes(file), StandardCharsets.UTF_8) : "";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        if (process.isAlive()) {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
            awaitEnd();
        }
    }
}
