package redoubt.fuse;

import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Other programs, which know a mount by its files. */
final class Shell {

    /** How a command ended, and what it said. */
    record Said(int code, String text) {}

    private Shell() {}

    /** Skips the test, and says so, where nothing can be mounted. */
    static void needsFuse() {
        if (!Files.exists(Path.of("/dev/fuse"))) {
            skip("there is no /dev/fuse here");
        }
        if (!"root".equals(System.getProperty("user.name")) && !Files.isExecutable(Path.of("/usr/bin/fusermount3"))) {
            skip("this needs root or fusermount3 (package fuse3)");
        }
    }

    static void skip(String because) {
        System.err.println("SKIPPED: " + because);
        abort(because);
    }

    /** Starts a command whose output can be read. */
    static Process start(List<String> words) {
        try {
            return new ProcessBuilder(words).redirectErrorStream(true).start();
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /** Starts so many writers, each of a block of its own in a volume's file. */
    static List<Process> startWriters(Path volume, int count) {
        List<Process> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            all.add(start(List.of(
                    "dd",
                    "if=/dev/zero",
                    "of=" + volume,
                    "bs=4096",
                    "seek=" + i,
                    "count=1",
                    "conv=notrunc",
                    "status=none")));
        }
        return all;
    }

    /** Runs a shell's line in a directory. */
    static Said run(Path directory, String line) {
        try {
            Process process = new ProcessBuilder("bash", "-c", "LC_ALL=C; export LC_ALL; " + line)
                    .directory(directory.toFile())
                    .redirectErrorStream(true)
                    .start();
            process.getOutputStream().close();
            String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (!process.waitFor(30, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new AssertionError("does not end: " + line);
            }
            return new Said(process.exitValue(), text);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        } catch (InterruptedException hurried) {
            throw new IllegalStateException(hurried);
        }
    }

    /** A virtual machine with this test's classes. */
    static List<String> java(List<String> prefix, Class<?> main, String... arguments) {
        List<String> words = new ArrayList<>(prefix);
        words.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        words.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-XX:+UseSerialGC", "-Xmx64m", "-cp"));
        words.add(System.getProperty("java.class.path"));
        words.add(main.getName());
        words.addAll(List.of(arguments));
        return words;
    }
}
