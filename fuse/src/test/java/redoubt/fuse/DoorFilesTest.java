package redoubt.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import redoubt.base.Clock;
import redoubt.block.MemoryDevice;
import redoubt.fuse.Shell.Said;
import redoubt.testkit.Waiting;

/** Files under {@code doors}, which come and go while the tree is mounted, and whose requests nothing holds up that waits at a volume. */
@Tag("interop")
class DoorFilesTest {

    private static final int BYTES = 1 << 20;

    @TempDir
    Path folder;

    private final Tree tree = new Tree();
    private final GatedDevice volume = new GatedDevice(new MemoryDevice(BYTES, 512));
    private final FuseFiles doors = new FuseFiles(64 << 10, 4096);
    private final AtomicInteger abandoned = new AtomicInteger();
    private final FuseWriters users = new FuseWriters(abandoned::incrementAndGet);
    private FuseMount mount;

    @BeforeEach
    void mount() throws Exception {
        Shell.needsFuse();
        if (!"root".equals(System.getProperty("user.name"))) {
            Shell.skip("only root has doors as files");
        }
        mount = FuseMount.open(folder, tree.root, List.of(new FuseVolume("vol0", volume)), doors, Clock.system());
    }

    @AfterEach
    void unmount() {
        if (mount != null) {
            volume.open();
            assertThat(mount.faults()).as("requests that met a bug").isZero();
            mount.close();
            assertThat(folder).isEmptyDirectory();
        }
    }

    private Said sh(String line) {
        return Shell.run(folder, line);
    }

    private void says(String line, String text) {
        assertThat(sh(line)).as(line).isEqualTo(new Said(0, text));
    }

    private void add(String name) {
        doors.add(new FuseVolume(name, new MemoryDevice(BYTES, 512)), users);
    }

    @Test
    void filesComeAndGo() {
        says("ls doors", "");
        add("a:0");
        add("a:1");
        says("ls doors", "a:0\na:1\n");
        says("stat -c '%a %s %F' doors/a:1", "600 " + BYTES + " regular file\n");
        says("yes | dd of=doors/a:1 bs=512 count=2 seek=5 iflag=fullblock conv=notrunc status=none", "");
        says("tail -c +2561 doors/a:1 | head -c 4", "y\ny\n");
        doors.remove("a:0");
        add("b:0");
        says("ls doors", "a:1\nb:0\n");
        assertThat(sh("cat doors/a:0").text()).contains("No such file");
    }

    /** Goal: a file that went is not another one, also to who had it open. */
    @Test
    void aFileThatWentGivesErrorsToWhoHasItOpen() throws Exception {
        add("a:0");
        Process holder = Shell.start(
                List.of("sh", "-c", "exec 3< " + folder.resolve("doors/a:0") + "; echo open; read x; head -c 512 <&3"));
        assertThat(holder.getInputStream().read()).isEqualTo('o');
        doors.remove("a:0");
        add("a:0");
        holder.getOutputStream().write('\n');
        holder.getOutputStream().flush();
        assertThat(holder.waitFor()).isNotZero();
        assertThat(new String(holder.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8))
                .contains("Input/output error");
    }

    /** Goal: that nobody writes any more is told once, also when the writer is killed; readers do not count. */
    @Test
    void theLastWriterToGoIsTold() {
        add("a:0");
        add("a:1");
        says("head -c 512 doors/a:0 | wc -c", "512\n");
        assertThat(abandoned).hasValue(0);
        Process first = hold("doors/a:0");
        Process second = hold("doors/a:1");
        first.destroyForcibly();
        Waiting.until("the first is dead", () -> !first.isAlive());
        assertThat(abandoned).hasValue(0);
        second.destroyForcibly();
        Waiting.until("it is told", () -> abandoned.get() == 1);
    }

    private Process hold(String file) {
        Process holder =
                Shell.start(List.of("sh", "-c", "exec 3<> " + folder.resolve(file) + "; echo open; exec sleep 60"));
        try {
            assertThat(holder.getInputStream().read()).isEqualTo('o');
        } catch (java.io.IOException broken) {
            throw new java.io.UncheckedIOException(broken);
        }
        return holder;
    }

    /** Goal: what a daemon has to write is written while more volume writes wait for it than their connection carries. */
    @Test
    void parkedVolumeWritesDoNotHoldUpADoor() {
        add("a:0");
        int writers = 60;
        volume.shut();
        List<Process> all = Shell.startWriters(folder.resolve("volumes/vol0"), writers);
        Waiting.until("as many writes are parked as there may be", () -> volume.parked() >= 32);
        says("yes | dd of=doors/a:0 bs=4096 count=1 iflag=fullblock conv=notrunc status=none", "");
        assertThat(all).allMatch(Process::isAlive);
        volume.open();
        Waiting.until("every writer is done", () -> all.stream().noneMatch(Process::isAlive));
    }
}
