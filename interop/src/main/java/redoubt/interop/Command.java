package redoubt.interop;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One command of another program, run to its end within a time limit. Output goes to files, not pipes, so a talkative
 * child never waits for us; a child that passes its limit is killed with all its descendants.
 */
public final class Command {
    private static final Duration LIMIT = Duration.ofMinutes(1);

    private final List<String> words;
    private final Map<String, String> environment = new LinkedHashMap<>();
    private Duration limit = LIMIT;
    private @Nullable Path directory; // absent while the child runs where we run
    private @Nullable Path input; // absent while the child reads nothing
    private @Nullable Path output; // absent while standard output is captured as text

    private Command(List<String> words) {
        this.words = words;
    }

    public static Command of(String... words) {
        return new Command(List.of(words));
    }

    public static Command of(List<String> words) {
        return new Command(List.copyOf(words));
    }

    /** The same command with more words at its end. */
    public Command with(String... more) {
        List<String> all = new ArrayList<>(words);
        all.addAll(List.of(more));
        Command longer = new Command(List.copyOf(all));
        longer.environment.putAll(environment);
        longer.limit = limit;
        longer.directory = directory;
        longer.input = input;
        longer.output = output;
        return longer;
    }

    public Command env(String name, String value) {
        environment.put(name, value);
        return this;
    }

    public Command within(Duration newLimit) {
        limit = newLimit;
        return this;
    }

    public Command in(Path newDirectory) {
        directory = newDirectory;
        return this;
    }

    /** The child reads this file as its standard input. */
    public Command from(Path file) {
        input = file;
        return this;
    }

    /** The child's standard output is this file; {@link Outcome#out()} stays empty. */
    public Command to(Path file) {
        output = file;
        return this;
    }

    public Outcome run() {
        try {
            Path out = output != null ? output : Files.createTempFile("redoubt-out", ".txt");
            Path err = Files.createTempFile("redoubt-err", ".txt");
            try {
                int exitCode = runToTheEnd(out.toFile(), err.toFile());
                return new Outcome(words, exitCode, output != null ? "" : text(out), text(err));
            } finally {
                Files.deleteIfExists(err);
                if (output == null) {
                    Files.deleteIfExists(out);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot run " + words, e);
        }
    }

    private int runToTheEnd(File out, File err) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(words).redirectOutput(out).redirectError(err);
        builder.redirectInput(input != null ? input.toFile() : new File("/dev/null"));
        builder.environment().putAll(environment);
        if (directory != null) {
            builder.directory(directory.toFile());
        }
        Process process = builder.start();
        try {
            if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new TimeLimitPassed("did not end within %d s: %s%n%s%n%s"
                        .formatted(limit.toSeconds(), words, text(out.toPath()), text(err.toPath())));
            }
            return process.exitValue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new TimeLimitPassed("interrupted while running " + words, e);
        } finally {
            if (process.isAlive()) {
                process.descendants().forEach(ProcessHandle::destroyForcibly);
                process.destroyForcibly();
            }
        }
    }

    private static String text(Path file) throws IOException {
        return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    }
}
