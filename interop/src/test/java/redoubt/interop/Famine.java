package redoubt.interop;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Memory that runs out for real: a memory control group at its limit, whose out-of-memory killer is off, so that every process in it that needs a page
 * sleeps until there is one. A hog in the group takes all pages there are, and sleeps too. It is deterministic, nobody is killed, and it ends when
 * the hog is taken away. Needs root and the first version of control groups; the group for threads is optional.
 */
final class Famine implements AutoCloseable {

    private static final Path MEMORY = Path.of("/sys/fs/cgroup/memory");
    private static final Path PIDS = Path.of("/sys/fs/cgroup/pids");
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final String STARVED = "under_oom 1";

    private final Path memory;
    private final Path pids;
    private final List<Process> inside = new ArrayList<>();

    private Famine(Path memory, Path pids) {
        this.memory = memory;
        this.pids = pids;
    }

    /** Makes the groups. */
    static Famine make(long limitBytes) {
        String name = "redoubt-famine-" + ProcessHandle.current().pid();
        Famine famine = new Famine(MEMORY.resolve(name), PIDS.resolve(name));
        boolean made = false;
        try {
            Files.createDirectory(famine.memory);
            Files.createDirectory(famine.pids);
            famine.store("memory.limit_in_bytes", Long.toString(limitBytes));
            famine.store("memory.oom_control", "1");
            made = true;
            return famine;
        } catch (IOException | UncheckedIOException notHere) {
            throw new PeerMissing("no memory control group whose members sleep can be made here (root, and version 1 of"
                    + " the controllers memory and pids), so memory does not run out for real: "
                    + notHere.getMessage());
        } finally {
            if (!made) {
                famine.close();
            }
        }
    }

    private void store(String attribute, String value) {
        try {
            Files.writeString(memory.resolve(attribute), value);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private String read(String attribute) {
        try {
            return Files.readString(memory.resolve(attribute));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What starts a process in the groups: to be put before its command line. */
    List<String> inside() {
        return List.of(
                "/bin/sh",
                "-c",
                "echo $$ > %s && echo $$ > %s && exec \"$@\""
                        .formatted(memory.resolve("cgroup.procs"), pids.resolve("cgroup.procs")),
                "sh");
    }

    /** In one program: to run another one inside takes memory, and fails where there is none. */
    private Process start(String script) {
        List<String> line =
                List.of("/bin/sh", "-c", "echo $$ > %s; %s".formatted(memory.resolve("cgroup.procs"), script));
        try {
            Process process = new ProcessBuilder(line)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.INHERIT)
                    .start();
            inside.add(process);
            return process;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Begins: on return there is no page left, and somebody who wants one does not get it. */
    void begin() {
        // In the program itself: a call that needs a page to answer into would not sleep, but fail.
        start("x=x; while :; do x=$x$x; done");
        Await.until(
                "the last page to be taken",
                PATIENCE,
                () -> read("memory.oom_control").contains(STARVED));
        start("x=x; for i in 0 1 2 3 4 5 6 7 8 9 a b c d e f g h i j k l m n o; do x=$x$x; done");
    }

    /** No thread more can be had either. */
    void noThreads() {
        try {
            Files.writeString(
                    pids.resolve("pids.max"),
                    Files.readString(pids.resolve("pids.current")).strip());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Whether the pressure was real all the while: the one who takes every page sleeps, and so does the one who wanted some. */
    boolean isReal() {
        // Whatever is given back wakes the sleepers for a moment.
        Await.until(
                "somebody to sleep for a page",
                PATIENCE,
                () -> read("memory.oom_control").contains(STARVED));
        for (Process process : inside) {
            if (!process.isAlive()) {
                System.err.printf("the famine was none: %s ended with %d%n", process.info(), process.exitValue());
                return false;
            }
        }
        return true;
    }

    /** Ends: there are pages and threads again. */
    void end() {
        inside.forEach(Process::destroyForcibly);
        for (Process process : inside) {
            try {
                process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        inside.clear();
        try {
            Files.writeString(pids.resolve("pids.max"), "max");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Await.until(
                "the famine to be over",
                PATIENCE,
                () -> !read("memory.oom_control").contains(STARVED));
    }

    @Override
    public void close() {
        inside.forEach(Process::destroyForcibly);
        for (Path group : List.of(memory, pids)) {
            if (Files.exists(group)) {
                // A process that has ended leaves its group a moment later.
                Await.until("the control group to be empty", PATIENCE, () -> {
                    Files.delete(group);
                    return true;
                });
            }
        }
    }
}
