package redoubt.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import redoubt.base.ThreadHeartbeat;
import redoubt.block.DiskRefused;
import redoubt.block.FileDevice;
import redoubt.block.FileOptions;

/** Nobody writes to a disk that somebody else uses, in this process or another, by this path or another. */
class DiskClaimTest {

    private static final FileOptions WRITE = FileOptions.DEFAULTS.withThreads(1);
    private static final FileOptions SHARE = WRITE.withReadOnly(true);
    private static final FileOptions LOOK = FileOptions.LOOK.withThreads(1);

    @TempDir
    Path folder;

    private ThreadHeartbeat heartbeat;
    private Path disk;

    @BeforeEach
    void makeDisk() throws Exception {
        heartbeat = new ThreadHeartbeat(20_000_000);
        disk = folder.resolve("disk.img");
        try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
            file.setLength(1 << 20);
        }
    }

    @AfterEach
    void stopHeartbeat() {
        heartbeat.close();
    }

    private FileDevice open(Path path, FileOptions options) throws DiskRefused {
        return FileDevice.open(path, options, heartbeat);
    }

    private void refuses(Path path, FileOptions options, String word) {
        assertThatThrownBy(() -> open(path, options)).isInstanceOfSatisfying(DiskRefused.class, refused -> {
            assertThat(refused.reason()).isEqualTo(DiskRefused.Reason.IN_USE);
            assertThat(refused).hasMessageContaining(word).hasMessageContaining(path.toString());
        });
    }

    /** Goal: one file by several names is one disk. */
    @Test
    void findsTheSameFileByAnotherName() throws Exception {
        Path symbolic = Files.createSymbolicLink(folder.resolve("symbolic"), disk);
        Path hard = Files.createLink(folder.resolve("hard"), disk);
        Path roundabout = folder.resolve("..").resolve(folder.getFileName()).resolve("disk.img");
        for (FileOptions options : List.of(WRITE, SHARE)) {
            try (FileDevice device = open(disk, options)) {
                for (Path other : List.of(disk, symbolic, hard, roundabout)) {
                    refuses(other, options, "name each disk once");
                    try (FileDevice look = open(other, LOOK)) {
                        assertThat(look.identity()).isEqualTo(device.identity());
                    }
                }
            }
        }
    }

    /** Goal: a disk that was just closed can be opened again at once. */
    @Test
    void opensAgainAfterClose() throws Exception {
        for (int i = 0; i < 50; i++) {
            open(disk, WRITE).close();
        }
    }

    /** Goal: another process is kept out as the locks say, and let in when the holder is gone, however it went. */
    @Test
    void keepsOtherProcessesOut() throws Exception {
        try (FileDevice writing = open(disk, WRITE)) {
            assertThat(writing.hung()).isFalse();
            assertThat(otherProcess(disk, true)).startsWith("IN_USE").contains("another process has locked it");
            assertThat(otherProcess(disk, false)).startsWith("IN_USE");
        }
        try (FileDevice sharing = open(disk, SHARE)) {
            assertThat(sharing.hung()).isFalse();
            assertThat(otherProcess(disk, true)).startsWith("holds");
            assertThat(otherProcess(disk, false)).startsWith("IN_USE");
        }
        Process holder = start(disk, false);
        assertThat(answerOf(holder)).startsWith("holds");
        refuses(disk, WRITE, "fuser");
        refuses(disk, SHARE, "fuser");
        open(disk, LOOK).close();
        holder.destroyForcibly().waitFor();
        open(disk, WRITE).close();
    }

    /** Goal: a block device is kept from others by the kernel, and one that the kernel uses is left alone. */
    @Test
    @Tag("interop")
    void respectsTheKernel() throws Exception {
        try (HostTools host = new HostTools(folder)) {
            Path mounted = host.loop(host.image(32 << 20), 512);
            HostTools.run("mkfs.ext4", "-q", mounted.toString());
            host.mount("ext4", mounted.toString(), "rw");
            refuses(mounted, WRITE, "lsblk");
            refuses(mounted, SHARE, "lsblk");
            open(mounted, LOOK).close();

            Path free = host.loop(host.image(1 << 20), 512);
            FileDevice writing = open(free, WRITE);
            try {
                assertThatThrownBy(() -> HostTools.run("mkfs.ext4", "-q", free.toString()))
                        .hasMessageContaining("in use");
            } finally {
                writing.close();
                assertThat(writing.awaitReleased(TimeUnit.SECONDS.toNanos(10))).isTrue();
            }
            FileDevice sharing = open(free, SHARE);
            try {
                assertThat(otherProcess(free, true)).startsWith("holds");
                assertThat(otherProcess(free, false)).startsWith("IN_USE");
            } finally {
                sharing.close();
                assertThat(sharing.awaitReleased(TimeUnit.SECONDS.toNanos(10))).isTrue();
            }
        }
    }

    /** Lets another process try, and go again. */
    private String otherProcess(Path path, boolean readOnly) throws Exception {
        Process process = start(path, readOnly);
        String answer = answerOf(process);
        process.getOutputStream().close();
        process.waitFor();
        return answer;
    }

    private static Process start(Path path, boolean readOnly) throws Exception {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "-Xmx32m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        LockHolder.class.getName(),
                        path.toString(),
                        Boolean.toString(readOnly))
                .redirectErrorStream(true)
                .start();
    }

    /** What the process says first. */
    private static String answerOf(Process process) throws Exception {
        String line =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8)).readLine();
        return line == null ? "nothing" : line;
    }
}
