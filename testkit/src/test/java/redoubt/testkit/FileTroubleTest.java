package redoubt.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Scanner;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import redoubt.base.ThreadHeartbeat;
import redoubt.block.DiskRefused;
import redoubt.block.FileDevice;
import redoubt.block.FileOptions;
import redoubt.block.IoOperation;
import redoubt.block.IoStatus;

/** Files and devices in trouble: each trouble has its own answer, and none of them is silence. */
class FileTroubleTest {

    private static final int BLOCK = 4096;
    private static final long SIZE = 4L << 20;
    private static final long RELEASE_NANOS = TimeUnit.SECONDS.toNanos(30);

    @TempDir
    Path folder;

    private ThreadHeartbeat heartbeat;

    @BeforeEach
    void startHeartbeat() {
        heartbeat = new ThreadHeartbeat(10_000_000);
    }

    @AfterEach
    void stopHeartbeat() {
        assertThat(heartbeat.faults()).isZero();
        heartbeat.close();
    }

    private FileDevice open(Path path, FileOptions options) throws DiskRefused {
        return FileDevice.open(path, options.withBlockBytes(BLOCK), heartbeat);
    }

    private static Path sparse(Path folder, long bytes) throws Exception {
        Path path = Files.createTempFile(folder, "disk", ".img");
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(bytes);
        }
        return path;
    }

    private static void truncate(Path path, long bytes) throws Exception {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
            channel.truncate(bytes);
        }
    }

    /** Goal: what a file has lost is an error to read and to write, and is never brought back as zeroes by a write behind it. */
    @ParameterizedTest
    @EnumSource
    void shrinksUnderUs(FileOptions.Way way) throws Exception {
        shrinks(folder, way);
    }

    /** As above, where the file is mapped. Method: enough writes before it that the copy is compiled, in which faults come late. */
    @Test
    void shrinksUnderItsMapping() throws Exception {
        Path tmpfs = Path.of("/dev/shm");
        org.junit.jupiter.api.Assumptions.assumeTrue(Files.isDirectory(tmpfs), "there is no tmpfs here");
        for (int round = 0; round < 3; round++) {
            shrinks(tmpfs, FileOptions.Way.AUTOMATIC);
        }
    }

    private void shrinks(Path where, FileOptions.Way way) throws Exception {
        Path path = sparse(where, SIZE);
        try (FileDevice device = open(path, FileOptions.DEFAULTS.withWay(way));
                Asker asker = new Asker(device)) {
            byte[] block = BlockDeviceContract.bytes(BLOCK, 1);
            int warm = where.startsWith("/dev/shm") ? 20_000 : 10;
            for (int i = 0; i < warm; i++) {
                assertThat(asker.write((long) (i % 1000) * BLOCK, block)).isEqualTo(IoStatus.OK);
            }
            truncate(path, SIZE / 2);
            assertThat(asker.write(SIZE - BLOCK, block)).isEqualTo(IoStatus.IO_ERROR);
            assertThat(asker.ask(IoOperation.READ, SIZE / 2, BLOCK, 0, null)).isEqualTo(IoStatus.IO_ERROR);
            assertThat(asker.ask(IoOperation.READ, SIZE / 2 - BLOCK, 2 * BLOCK, 0, null))
                    .isEqualTo(IoStatus.IO_ERROR);
            assertThat(asker.ask(IoOperation.WRITE_ZEROES, SIZE / 2, BLOCK, 0, null))
                    .isEqualTo(IoStatus.IO_ERROR);
            assertThat(Files.size(path)).isEqualTo(SIZE / 2);
            assertThat(asker.write(0, block)).isEqualTo(IoStatus.OK);
            assertThat(asker.read(0, BLOCK)).isEqualTo(block);
            assertThat(device.faults()).isZero();
        } finally {
            Files.delete(path);
        }
    }

    /** Goal: a full file system is NO_SPACE, and every write that was acknowledged is there. */
    @ParameterizedTest
    @EnumSource
    void fillsUp(FileOptions.Way way) throws Exception {
        try (HostTools host = new HostTools(folder)) {
            Path tmpfs = host.tmpfs(1 << 20);
            FileDevice device = open(sparse(tmpfs, SIZE), FileOptions.DEFAULTS.withWay(way));
            try (Asker asker = new Asker(device)) {
                int written = 0;
                int refused = 0;
                for (int i = 0; i < SIZE / BLOCK; i++) {
                    IoStatus status = asker.write((long) i * BLOCK, BlockDeviceContract.bytes(BLOCK, i));
                    assertThat(status).isIn(IoStatus.OK, IoStatus.NO_SPACE);
                    assertThat(status == IoStatus.OK && refused > 0).isFalse();
                    if (status == IoStatus.OK) {
                        written++;
                    } else {
                        refused++;
                    }
                }
                assertThat(written).isBetween(200, 256);
                for (int i = 0; i < written; i++) {
                    assertThat(asker.read((long) i * BLOCK, BLOCK)).isEqualTo(BlockDeviceContract.bytes(BLOCK, i));
                }
                // A hole can be read although there is no memory for it.
                assertThat(asker.read(SIZE - BLOCK, BLOCK)).containsOnly(0);
            } finally {
                device.close();
                assertThat(device.awaitReleased(RELEASE_NANOS)).isTrue();
            }
        }
    }

    /** Goal: an error of the disk is IO_ERROR. Method: a loop device whose file has become shorter. */
    @ParameterizedTest
    @EnumSource
    void diskFails(FileOptions.Way way) throws Exception {
        try (HostTools host = new HostTools(folder)) {
            Path image = host.image(SIZE);
            FileDevice device = open(host.loop(image, 512), FileOptions.DEFAULTS.withWay(way));
            try (Asker asker = new Asker(device)) {
                byte[] block = BlockDeviceContract.bytes(BLOCK, 2);
                assertThat(asker.writeFua(0, block)).isEqualTo(IoStatus.OK);
                truncate(image, SIZE / 2);
                assertThat(asker.ask(IoOperation.READ, SIZE - BLOCK, BLOCK, 0, null))
                        .isEqualTo(IoStatus.IO_ERROR);
                assertThat(asker.read(0, BLOCK)).isEqualTo(block);
            } finally {
                device.close();
                assertThat(device.awaitReleased(RELEASE_NANOS)).isTrue();
            }
        }
    }

    /**
     * Goal: a disk that could not keep what it had taken says so at every flush, not only at the first. Method: a loop device, through the
     * page cache, whose file lies on a tmpfs that is too small.
     */
    @Test
    void neverForgetsWhatItLost() throws Exception {
        try (HostTools host = new HostTools(folder)) {
            Path image = sparse(host.tmpfs(1 << 20), SIZE);
            FileDevice device = open(host.loop(image, 512), FileOptions.DEFAULTS.withWay(FileOptions.Way.THREADS));
            try (Asker asker = new Asker(device)) {
                byte[] block = BlockDeviceContract.bytes(BLOCK, 3);
                assertThat(asker.writeFua(0, block)).isEqualTo(IoStatus.OK);
                for (long at = 0; at < 2 << 20; at += BLOCK) {
                    assertThat(asker.write(at, block)).isEqualTo(IoStatus.OK);
                }
                for (int again = 0; again < 10; again++) {
                    assertThat(asker.ask(IoOperation.FLUSH, 0, 0, 0, null)).isEqualTo(IoStatus.IO_ERROR);
                }
                assertThat(asker.writeFua(0, block)).isEqualTo(IoStatus.IO_ERROR);
                assertThat(asker.read(0, BLOCK)).isEqualTo(block);
            } finally {
                device.close();
                assertThat(device.awaitReleased(RELEASE_NANOS)).isTrue();
            }
        }
    }

    /** Goal: what waits in the page cache stays little, so that a flush ends in time. Method: asks the device what came to it unflushed. */
    @Test
    void leavesLittleInThePageCache() throws Exception {
        try (HostTools host = new HostTools(folder)) {
            long size = 64 << 20;
            Path loop = host.loop(host.image(size), 512);
            FileDevice device = open(loop, FileOptions.DEFAULTS.withWay(FileOptions.Way.THREADS));
            try (Asker asker = new Asker(device)) {
                byte[] piece = BlockDeviceContract.bytes(1 << 20, 4);
                for (long at = 0; at < size; at += piece.length) {
                    assertThat(asker.write(at, piece)).isEqualTo(IoStatus.OK);
                }
                Path statistics = Path.of("/sys/block", loop.getFileName().toString(), "stat");
                long sectors;
                try (Scanner fields = new Scanner(Files.readString(statistics))) {
                    // The seventh field is that of sectors written.
                    sectors = fields.tokens()
                            .skip(6)
                            .mapToLong(Long::parseLong)
                            .findFirst()
                            .orElseThrow();
                }
                assertThat(sectors * 512).as("bytes written").isGreaterThanOrEqualTo(size * 3 / 4);
            } finally {
                device.close();
                assertThat(device.awaitReleased(RELEASE_NANOS)).isTrue();
            }
        }
    }

    /**
     * Goal: a write, a flush and a durable write that never return are given up in time, their memory waits for the kernel, what comes
     * after is answered at once, and close waits for nothing. Method: a frozen ext4.
     */
    @ParameterizedTest
    @EnumSource(names = {"WRITE", "FLUSH", "WRITE_ZEROES"})
    @Tag("interop")
    void neverReturns(IoOperation operation) throws Exception {
        neverReturns(operation, FileOptions.Way.AUTOMATIC, 2);
    }

    /** As above, through an io_uring, which has all six requests with the kernel at once. */
    @Test
    @Tag("interop")
    void neverReturnsThroughARing() throws Exception {
        neverReturns(IoOperation.WRITE, FileOptions.Way.URING, 6);
    }

    private void neverReturns(IoOperation operation, FileOptions.Way way, int calls) throws Exception {
        long limit = TimeUnit.MILLISECONDS.toNanos(300);
        try (HostTools host = new HostTools(folder)) {
            Path ext4 = host.ext4(64L << 20);
            Path path = sparse(ext4, SIZE);
            FileDevice device = open(
                    path,
                    FileOptions.DEFAULTS.withWay(way).withTimeLimitNanos(limit).withThreads(2));
            Asker asker = new Asker(device);
            try {
                byte[] block = BlockDeviceContract.bytes(BLOCK, 3);
                byte[] after = BlockDeviceContract.bytes(BLOCK, 4);
                assertThat(asker.writeFua(0, block)).isEqualTo(IoStatus.OK);
                assertThat(asker.write(BLOCK, block)).isEqualTo(IoStatus.OK);
                try (HostTools.Frozen frozen = host.freeze(ext4)) {
                    int[] told = {0};
                    device.whenHung(() -> told[0]++);
                    long began = System.nanoTime();
                    // Two threads, two calls that hang; four more wait. A flush of a frozen file system may return at
                    // once.
                    Asked[] asked = new Asked[6];
                    for (int i = 0; i < asked.length; i++) {
                        asked[i] = i == 0 && operation != IoOperation.WRITE
                                ? asker.start(operation, 0, operation == IoOperation.FLUSH ? 0 : BLOCK, 0, null)
                                : asker.startWrite((long) (i + 2) * BLOCK, after, 0);
                    }
                    for (Asked one : asked) {
                        one.await();
                    }
                    long took = System.nanoTime() - began;
                    assertThat(took).isLessThan(limit + TimeUnit.SECONDS.toNanos(1));
                    long timedOut = Arrays.stream(asked)
                            .filter(one -> one.await() == IoStatus.TIMED_OUT)
                            .count();
                    assertThat(timedOut).isEqualTo(calls);
                    assertThat(device.hung()).isTrue();
                    assertThat(told[0]).isEqualTo(1);

                    began = System.nanoTime();
                    assertThat(asker.write(0, after)).isEqualTo(IoStatus.GONE);
                    assertThat(asker.ask(IoOperation.READ, 0, BLOCK, 0, null)).isEqualTo(IoStatus.GONE);
                    device.close();
                    assertThat(System.nanoTime() - began).isLessThan(TimeUnit.SECONDS.toNanos(1));
                    for (Asked one : asker.asked()) {
                        one.free();
                    }
                    assertThat(asker.pool().free())
                            .as("what hangs is in quarantine")
                            .isEqualTo(asker.pool().total() - calls);
                    assertThat(asker.memory().free()).isLessThan(asker.memory().total());
                    assertThat(device.awaitReleased(1)).isFalse();
                    assertThatThrownBy(() -> open(path, FileOptions.DEFAULTS))
                            .isInstanceOf(DiskRefused.class)
                            .hasMessageContaining("still hangs");
                    frozen.thaw();
                }
                assertThat(device.awaitReleased(RELEASE_NANOS)).isTrue();
                asker.close(); // everything has come back
            } finally {
                device.close();
            }
        }
    }

    /** Goal: what is no disk is refused in one sentence, without hanging: a FIFO nobody writes, a socket, a directory, nothing. */
    @Test
    void refusesWhatIsNoDisk() throws Exception {
        Path fifo = folder.resolve("fifo");
        HostTools.run("mkfifo", fifo.toString());
        record Case(Path path, DiskRefused.Reason reason, String word) {}
        for (Case one : List.of(
                new Case(fifo, DiskRefused.Reason.NOT_A_DISK, "FIFO"),
                new Case(folder, DiskRefused.Reason.NOT_A_DISK, "directory"),
                new Case(Path.of("/dev/null"), DiskRefused.Reason.NOT_A_DISK, "character device"),
                new Case(folder.resolve("absent"), DiskRefused.Reason.ABSENT, "nothing at this path"))) {
            assertThatThrownBy(() -> open(one.path, FileOptions.DEFAULTS))
                    .isInstanceOfSatisfying(DiskRefused.class, refused -> {
                        assertThat(refused.reason()).isEqualTo(one.reason);
                        assertThat(refused).hasMessageContaining(one.word).hasMessageContaining(one.path.toString());
                    });
        }
    }

    /** Goal: a file opened read-only is not changed by anything, and says so. */
    @Test
    void keepsReadOnlyFilesAsTheyAre() throws Exception {
        Path path = sparse(folder, SIZE);
        byte[] block = BlockDeviceContract.bytes(BLOCK, 5);
        Files.write(path, block, StandardOpenOption.WRITE);
        try (FileDevice device = open(path, FileOptions.DEFAULTS.withReadOnly(true));
                Asker asker = new Asker(device)) {
            assertThat(asker.write(0, new byte[BLOCK])).isEqualTo(IoStatus.READ_ONLY);
            assertThat(asker.ask(IoOperation.TRIM, 0, BLOCK, 0, null)).isEqualTo(IoStatus.READ_ONLY);
            assertThat(asker.ask(IoOperation.WRITE_ZEROES, 0, BLOCK, 0, null)).isEqualTo(IoStatus.READ_ONLY);
            assertThat(asker.flush()).isEqualTo(IoStatus.OK);
            assertThat(asker.read(0, BLOCK)).isEqualTo(block);
        }
    }

    /** Goal: a file whose size is no multiple of the block is used up to its last whole block. */
    @Test
    void roundsDownToWholeBlocks() throws Exception {
        try (FileDevice device = open(sparse(folder, 3 * BLOCK - 1), FileOptions.DEFAULTS)) {
            assertThat(device.limits().sizeBytes()).isEqualTo(2L * BLOCK);
        }
    }
}
