package redoubt.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import redoubt.base.Clock;
import redoubt.block.IoOperation;
import redoubt.block.MemoryDevice;
import redoubt.fuse.Shell.Said;
import redoubt.testkit.Waiting;

/** A real mount, seen by the programs that everybody has. */
@Tag("interop")
class MountedTest {

    private static final int VOLUME_BYTES = 8 << 20;
    private static final String STATE = "block/md0/md/array_state";

    @TempDir
    Path folder;

    @TempDir
    Path elsewhere;

    private final Tree tree = new Tree();
    private final GatedDevice device = new GatedDevice(new MemoryDevice(VOLUME_BYTES, 512));
    private FuseMount mount;

    @BeforeEach
    void mount() throws Exception {
        Shell.needsFuse();
        mount = open();
    }

    private FuseMount open() throws FuseRefused {
        return FuseMount.open(folder, tree.root, List.of(new FuseVolume("vol0", device)), Clock.system());
    }

    @AfterEach
    void unmount() {
        if (mount != null) {
            device.open();
            assertThat(mount.faults()).as("requests that met a bug").isZero();
            mount.close();
            assertThat(Mounting.isGone(folder.toAbsolutePath())).isTrue();
        }
    }

    private Said sh(String line) {
        return Shell.run(folder, line);
    }

    private void says(String line, String text) {
        assertThat(sh(line)).as(line).isEqualTo(new Said(0, text));
    }

    @Test
    void theTreeIsListedAndRead() {
        says("ls", "block\nmdstat\nvolumes\n");
        says("ls block/md0/md", "array_state\ncount\ndev-sda\nrd0\nstop\n");
        says("cat " + STATE, "clean\n");
        says("readlink block/md0/md/rd0", "dev-sda\n");
        says("cat block/md0/md/rd0/slot", "0\n");
        says("stat -c '%a %s %F' " + STATE, "644 4096 regular file\n");
        says("stat -c '%a %F' block/md0/md/stop block", "200 regular file\n755 directory\n");
        says("wc -l < mdstat", "600\n");
        says("dd if=mdstat bs=100 status=none | md5sum", sh("md5sum < mdstat").text());
        assertThat(sh("find . -type f | sort | head -3").text())
                .isEqualTo("./block/md0/md/array_state\n./block/md0/md/count\n./block/md0/md/dev-sda/slot\n");
        assertThat(sh("cat block/md1").text()).contains("No such file");
        assertThat(sh("stat -f -c %S .").code()).isZero();
    }

    /** Goal: a shell's {@code >} truncates first, and stores once. */
    @Test
    void aStoreIsOneWrite() {
        says("echo active > " + STATE, "");
        assertThat(tree.word).isEqualTo("active");
        says("echo clean >> " + STATE, "");
        says("printf readonly | tee " + STATE, "readonly");
        says("cat " + STATE, "readonly\n");
        says(
                "python3 -c \"import os; f=os.open('" + STATE
                        + "', os.O_RDWR); os.write(f, b'idle'); print(os.pread(f, 99, 0))\"",
                "b'idle\\n'\n");
        assertThat(tree.stores).hasValue(4);
    }

    /**
     * Goal: what is written at once arrives at once, wherever it lies in the writer's memory. Method: from the last bytes of one page into the next; a
     * kernel that was promised too few pages sends what lies in each of them for itself.
     */
    @Test
    void aStoreThatLiesAcrossTwoPagesOfMemoryIsOneStore() {
        for (int before = 1; before < "readonly".length(); before++) {
            tree.word = "clean";
            says(across(STATE, before, "b'readonly'"), "8\n");
            assertThat(tree.word).isEqualTo("readonly");
        }
        assertThat(tree.stores).hasValue("readonly".length() - 1);
    }

    /** The same of a volume, which takes whole blocks only: from any byte of memory, and the longest ones too. */
    @Test
    void aVolumeIsWrittenAndReadFromAnyByteOfMemory() {
        for (int before : new int[] {1, 16, 511, 4095}) {
            for (int blocks : new int[] {1, 8, 512, 513, 4096}) {
                int bytes = blocks * 512;
                says(across("volumes/vol0", before, "b'%c'*%d".formatted('a' + before % 26, bytes)), bytes + "\n");
                says(
                        "python3 -c \"import os,mmap; m=memoryview(mmap.mmap(-1, 4 << 20)); f=os.open('volumes/vol0', os.O_RDONLY);"
                                + " v=m[4096-%d:][:%d]; print(os.preadv(f, [v], 0), set(bytes(v)) == {ord('%c')})\""
                                        .formatted(before, bytes, 'a' + before % 26),
                        bytes + " True\n");
            }
        }
    }

    /** Writes these bytes once, the first so many of them from the end of a page. */
    private static String across(String file, int before, String bytes) {
        return ("python3 -c \"import os,mmap; m=memoryview(mmap.mmap(-1, 4 << 20)); f=os.open('%s', os.O_WRONLY); b=%s;"
                        + " v=m[4096-%d:][:len(b)]; v[:]=b; print(os.write(f, v))\"")
                .formatted(file, bytes, before);
    }

    @Test
    void theErrorOfARefusedStoreReachesTheShell() {
        assertThat(sh("echo nonsense > " + STATE).text()).contains("Invalid argument");
        assertThat(sh("echo busy > " + STATE).text()).contains("Device or resource busy");
        assertThat(sh("echo 1 > block/md0/md/count").text()).contains("Permission denied");
        assertThat(sh("cat block/md0/md/stop").text()).contains("Permission denied");
        assertThat(sh("echo 1 > block/md0/md/new").text()).contains("Permission denied");
        assertThat(sh("rm " + STATE).text()).contains("Operation not permitted");
        assertThat(sh("mkdir block/new").text()).contains("Operation not permitted");
        assertThat(sh("chmod 777 " + STATE).text()).contains("Operation not permitted");
        assertThat(tree.word).isEqualTo("clean");
    }

    /** Goal: after a node is removed its open file says so, and its name is gone. */
    @Test
    void aRemovedNodeIsGoneAtOnce() {
        says("exec 3< block/md0/md/count; cat <&3", "0\n");
        tree.member.remove();
        assertThat(sh("ls block/md0/md/dev-sda").text()).contains("No such file");
        assertThat(sh("cat block/md0/md/rd0/slot").text()).contains("No such file");
    }

    /** Goal: what was written is read, from wherever one begins. */
    @Test
    void aVolumeIsAFileOfItsSize() {
        says("stat -c '%a %s %F' volumes/vol0", "600 " + VOLUME_BYTES + " regular file\n");
        says("ls volumes", "vol0\n");
        String source = elsewhere.resolve("source").toString();
        says("dd if=/dev/urandom of=" + source + " bs=1M count=8 status=none", "");
        says("dd if=" + source + " of=volumes/vol0 bs=1M conv=notrunc,fsync status=none", "");
        says("cmp " + source + " volumes/vol0", "");
        assertThat(device.asked(IoOperation.FLUSH)).isGreaterThanOrEqualTo(1);
        for (int from : new int[] {1, 15, 16, 17, 511, 512, 100_000, VOLUME_BYTES - 5, VOLUME_BYTES}) {
            String piece = "tail -c +%d %s | head -c 300000 | md5sum";
            says(
                    piece.formatted(from + 1, "volumes/vol0"),
                    sh(piece.formatted(from + 1, source)).text());
        }
        says("dd if=volumes/vol0 bs=777 status=none | cmp - " + source, "");
    }

    @Test
    void aVolumeSaysNoToWhatAFileWouldDo() {
        assertThat(sh("echo x > volumes/vol0").text()).contains("Operation not permitted");
        assertThat(sh("truncate -s 1M volumes/vol0").text()).contains("Operation not permitted");
        says("truncate -s " + VOLUME_BYTES + " volumes/vol0", "");
        assertThat(sh("printf abc | dd of=volumes/vol0 conv=notrunc status=none")
                        .text())
                .contains("Invalid argument");
        assertThat(sh("dd if=/dev/zero of=volumes/vol0 bs=1M seek=8 count=1 conv=notrunc status=none")
                        .text())
                .contains("No space left");
        assertThat(sh("rm volumes/vol0").text()).contains("Operation not permitted");
        says("stat -c %s volumes/vol0", VOLUME_BYTES + "\n");
    }

    @Test
    void holesAreZeroesAndSyncedWritesAreDurable() {
        says("yes | dd of=volumes/vol0 bs=4096 count=4 iflag=fullblock conv=notrunc oflag=dsync status=none", "");
        assertThat(device.durable()).isEqualTo(4);
        says("fallocate -p -o 4096 -l 4096 volumes/vol0 && fallocate -z -n -o 8192 -l 512 volumes/vol0", "");
        assertThat(device.asked(IoOperation.WRITE_ZEROES)).isEqualTo(2);
        says("head -c 16384 volumes/vol0 | tr -d '\\0' | wc -c", (16384 - 4096 - 512) + "\n");
        assertThat(sh("fallocate -p -o 1 -l 4096 volumes/vol0").text()).contains("Invalid argument");
        assertThat(sh("fallocate -l 4096 volumes/vol0").code()).isNotZero();
    }

    /** Goal: a write that waits for a store waits at nobody's cost. Method: park more than there are exchanges, then store. */
    @Test
    void parkedWritesDoNotStopTheStoreThatFreesThem() {
        int writers = 60;
        tree.onStore = device::open;
        device.shut();
        List<Process> all = Shell.startWriters(folder.resolve("volumes/vol0"), writers);
        Waiting.until("as many writes are parked as there may be", () -> device.parked() >= 32);
        assertThat(mount.volumeRequests()).isGreaterThanOrEqualTo(32);
        says("cat " + STATE, "clean\n");
        assertThat(all).allMatch(Process::isAlive);
        says("echo active > " + STATE, "");
        Waiting.until("every writer is done", () -> all.stream().noneMatch(Process::isAlive));
        assertThat(all).allMatch(process -> process.exitValue() == 0);
        assertThat(device.asked(IoOperation.WRITE)).isEqualTo(writers);
    }

    /** Goal: what is parked when all ends does not keep anybody, and its answer does not go astray. */
    @Test
    void aWriteThatIsParkedForEverEndsWithTheMount() {
        device.shut();
        Process writer = Shell.start(List.of(
                "dd", "if=/dev/zero", "of=" + folder.resolve("volumes/vol0"), "bs=4096", "count=1", "conv=notrunc"));
        Waiting.until("the write is parked", () -> device.parked() == 1);
        assertThat(mount.closeVolumes(0)).isFalse();
        Waiting.until("the writer is told", () -> !writer.isAlive());
        assertThat(writer.exitValue()).isNotZero();
        says("cat " + STATE, "clean\n");
        device.open();
        assertThat(device.parked()).isZero();
    }

    /** Goal: what is mounted and taken away leaves nothing behind. */
    @Test
    void descriptorsAndThreadsAreGivenBack() throws Exception {
        mount.close();
        use();
        long threads = threads();
        long descriptors = descriptors();
        for (int i = 0; i < 5; i++) {
            use();
        }
        Waiting.until("all threads have ended", () -> threads() <= threads, Duration.ofSeconds(5));
        assertThat(descriptors()).isEqualTo(descriptors);
        assertThat(Shell.run(folder, "ls -A").text()).isEmpty();
        mount = open();
    }

    private void use() throws FuseRefused {
        try (FuseMount another = open()) {
            says("cat " + STATE + " > /dev/null; ls -lR . > /dev/null; head -c 5000 volumes/vol0 > /dev/null", "");
            Waiting.until("all attributes are closed", () -> another.openAttributes() == 0);
            assertThat(another.knownNodes()).isGreaterThan(1);
        }
    }

    private static long threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("fuse-"))
                .count();
    }

    private static long descriptors() throws Exception {
        try (var all = Files.list(Path.of("/proc/self/fd"))) {
            return all.count();
        }
    }

    /** Goal: who has a file open when the mount goes is told so, and the mount is out of sight. */
    @Test
    void aBusyMountGoesOutOfSight() throws Exception {
        Process holder =
                Shell.start(List.of("sh", "-c", "exec 3< " + folder.resolve(STATE) + "; echo open; read x; cat <&3"));
        assertThat(holder.getInputStream().read()).isEqualTo('o');
        mount.close();
        assertThat(Mounting.isGone(folder.toAbsolutePath())).isTrue();
        holder.getOutputStream().write('\n');
        holder.getOutputStream().flush();
        assertThat(holder.waitFor()).isNotZero();
        mount = open();
    }
}
