package redoubt.assembly;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import redoubt.testkit.Waiting;

/**
 * Goal: with not one thread more to be had from the kernel, a million changes are told of, an array becomes dirty, a member fails, and the
 * array goes on without it, while what a stock executor and the shared queue would do of the same work hangs. Method: {@link
 * FamineProbe} in a process whose control group is allowed fewer threads than it has.
 */
class PidsFamineTest {

    private static final List<String> GROUPS = List.of("/sys/fs/cgroup/pids", "/sys/fs/cgroup");

    @Test
    @Timeout(value = 5, unit = TimeUnit.MINUTES)
    void inv5aWhatIsOnTheWayOfAWriteGoesOnWithoutAThreadToBeHad() throws Exception {
        try (Group group = Group.make()) {
            Process process = new ProcessBuilder(List.of(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-XX:+UseSerialGC",
                            "-XX:-UseDynamicNumberOfCompilerThreads",
                            "-Xmx128m",
                            "-Xlog:disable", // it would say on our line that it got no thread
                            "--enable-native-access=ALL-UNNAMED",
                            "-cp",
                            System.getProperty("java.class.path"),
                            FamineProbe.class.getName()))
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            try (BufferedReader said = new BufferedReader(
                            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
                    Writer orders = process.outputWriter(StandardCharsets.UTF_8)) {
                assertThat(said.readLine()).isEqualTo(FamineProbe.READY);
                group.take(process.pid());
                group.beginFamine();
                order(orders);
                assertThat(said.readLine()).isEqualTo(FamineProbe.WENT_THROUGH);
                group.endFamine();
                order(orders);
                assertThat(process.waitFor()).isZero();
            } finally {
                process.destroyForcibly().waitFor();
            }
        }
    }

    private static void order(Writer orders) throws IOException {
        orders.write("go on\n");
        orders.flush();
    }

    /** A control group of this test's, in which threads are counted. */
    private record Group(Path folder) implements AutoCloseable {

        static Group make() {
            for (String hierarchy : GROUPS) {
                Path folder = Path.of(
                        hierarchy, "redoubt-famine-" + ProcessHandle.current().pid());
                try {
                    Files.createDirectory(folder);
                } catch (IOException notThere) {
                    continue;
                }
                Group group = new Group(folder);
                if (Files.isWritable(folder.resolve("pids.max"))) {
                    return group;
                }
                group.close();
            }
            return abort("no control group for threads can be made here (it takes root and the controller 'pids'), "
                    + "so threads do not run out for real");
        }

        void take(long pid) throws IOException {
            Files.writeString(folder.resolve("cgroup.procs"), Long.toString(pid));
        }

        /** Fewer than there are: those go on, and who ends makes no room for another one. */
        void beginFamine() throws IOException {
            Files.writeString(folder.resolve("pids.max"), "1");
        }

        void endFamine() throws IOException {
            Files.writeString(folder.resolve("pids.max"), "max");
        }

        /** A process that has ended leaves its group a moment later. */
        @Override
        public void close() {
            Waiting.until("the control group is empty", () -> {
                try {
                    Files.delete(folder);
                    return true;
                } catch (IOException busy) {
                    if (!Files.exists(folder)) {
                        throw new UncheckedIOException(busy);
                    }
                    return false;
                }
            });
        }
    }
}
