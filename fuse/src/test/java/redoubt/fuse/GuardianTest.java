package redoubt.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import redoubt.testkit.Waiting;

/** Processes that mount: one is killed, one is nobody. */
@Tag("interop")
class GuardianTest {

    @TempDir
    Path folder;

    @BeforeEach
    void needsFuse() {
        Shell.needsFuse();
    }

    private static String line(BufferedReader said) throws IOException {
        String line = said.readLine();
        return line == null ? "(it has ended)" : line;
    }

    private boolean isMounted() {
        return !Mounting.isGone(folder.toAbsolutePath());
    }

    /** Goal: kill -9 leaves no dead mount. */
    @Test
    void aKilledServerLeavesNoMount() throws Exception {
        Process holder = Shell.start(Shell.java(List.of(), MountHolder.class, folder.toString()));
        BufferedReader said = holder.inputReader(StandardCharsets.UTF_8);
        String mounted = line(said);
        assertThat(mounted).startsWith("mounted ");
        assertThat(Shell.run(folder, "cat block/md0/md/array_state; ls volumes").text())
                .isEqualTo("clean\nvol0\n");
        holder.destroyForcibly().waitFor();
        Waiting.until("the mount is gone", () -> !isMounted());
        assertThat(Shell.run(folder, "ls -A").text()).isEmpty();
        long guardian = Long.parseLong(mounted.substring("mounted ".length()));
        Waiting.until("the guardian has ended", () -> ended(guardian), Duration.ofSeconds(5));
    }

    /** A process whose parent does not look is there until that one does. */
    private static boolean ended(long pid) {
        try {
            return Files.readString(Path.of("/proc/" + pid + "/stat")).contains(") Z ");
        } catch (IOException gone) {
            return true;
        }
    }

    /** Goal: the signal that ends a whole process group does not end the guardian with it. */
    @Test
    void aKilledProcessGroupLeavesNoMount() throws Exception {
        Process holder = Shell.start(Shell.java(List.of("setsid"), MountHolder.class, folder.toString()));
        BufferedReader said = holder.inputReader(StandardCharsets.UTF_8);
        assertThat(line(said)).startsWith("mounted ");
        Shell.run(folder.getParent(), "kill -9 -- -" + holder.pid());
        Waiting.until("the mount is gone", () -> !isMounted());
        assertThat(Shell.run(folder, "ls -A").text()).isEmpty();
    }

    /** Goal: a user who is nobody mounts, stores, and unmounts through fusermount3. */
    @Test
    void nobodyMountsThroughFusermount() throws Exception {
        if (Linux.user() != 0) {
            Shell.skip("this test is root and becomes somebody else");
        }
        List<String> asNobody = List.of("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups");
        Shell.run(folder.getParent(), "chown 65534:65534 " + folder + " && chmod a+x " + folder.getParent());
        Process holder = Shell.start(Shell.java(asNobody, MountHolder.class, folder.toString()));
        BufferedReader said = holder.inputReader(StandardCharsets.UTF_8);
        String first = line(said);
        if (!first.startsWith("mounted ")) {
            Shell.skip("nobody cannot run a virtual machine that mounts here: " + first);
        }
        String nobody = String.join(" ", asNobody) + " ";
        assertThat(Shell.run(folder.getParent(), nobody + "cat " + folder + "/block/md0/md/array_state")
                        .text())
                .isEqualTo("clean\n");
        assertThat(Shell.run(
                                folder.getParent(),
                                nobody + "sh -c 'echo active > " + folder + "/block/md0/md/array_state; cat " + folder
                                        + "/block/md0/md/array_state; head -c 3 " + folder + "/volumes/vol0 | wc -c'")
                        .text())
                .isEqualTo("active\n3\n");
        holder.getOutputStream().close();
        assertThat(holder.waitFor()).isZero();
        assertThat(isMounted()).isFalse();
    }
}
