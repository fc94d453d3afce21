package redoubt.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import redoubt.base.ThreadHeartbeat;
import redoubt.block.BlockDevice;
import redoubt.block.FileDevice;
import redoubt.block.FileOptions;
import redoubt.block.IoBuffer;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;
import redoubt.block.IoStatus;

/** Past the page cache the kernel wants aligned memory; a request may begin anywhere in its buffer all the same. */
class UnalignedMemoryTest {

    private static final int BLOCK = 4096;
    private static final int LENGTH = 70 * BLOCK; // more than one bounce

    @TempDir
    Path folder;

    /** Goal: bytes arrive whatever the alignment of the memory. Method: write and read from three bytes into the buffer. */
    @ParameterizedTest
    @EnumSource
    void carriesUnalignedMemory(FileOptions.Way way) throws Exception {
        Path path = folder.resolve("disk.img");
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(1 << 20);
        }
        FileOptions options = FileOptions.DEFAULTS
                .withWay(way)
                .withCaching(FileOptions.Caching.DIRECT)
                .withBlockBytes(BLOCK);
        byte[] content = BlockDeviceContract.bytes(LENGTH, 1);
        try (ThreadHeartbeat heartbeat = new ThreadHeartbeat(20_000_000);
                FileDevice device = FileDevice.open(path, options, heartbeat)) {
            IoMemory memory = new IoMemory(new IoMemory.Cut(1 << 19, 1, 0));
            IoRequestPool pool = new IoRequestPool(1);
            IoBuffer buffer = memory.take(1 << 19);
            MemorySegment.copy(content, 0, buffer.segment(), ValueLayout.JAVA_BYTE, buffer.position() + 3, LENGTH);
            carry(device, pool, IoOperation.WRITE, buffer);
            buffer.segment().fill((byte) 0);
            carry(device, pool, IoOperation.READ, buffer);
            byte[] read = new byte[LENGTH + 4];
            MemorySegment.copy(buffer.segment(), ValueLayout.JAVA_BYTE, buffer.position(), read, 0, read.length);
            assertThat(Arrays.copyOfRange(read, 3, LENGTH + 3)).isEqualTo(content);
            assertThat(new byte[] {read[0], read[1], read[2], read[LENGTH + 3]}).containsOnly(0);
        }
    }

    private static void carry(BlockDevice device, IoRequestPool pool, IoOperation operation, IoBuffer buffer)
            throws InterruptedException {
        CountDownLatch done = new CountDownLatch(1);
        IoStatus[] how = new IoStatus[1];
        assertThat(pool.reserve(1)).isTrue();
        IoRequest request = pool.take().prepare(operation, BLOCK, LENGTH, 0, buffer, 3, ended -> {
            how[0] = ended.status();
            ended.free();
            done.countDown();
        });
        device.submit(request);
        assertThat(done.await(30, TimeUnit.SECONDS)).isTrue();
        assertThat(how[0]).isEqualTo(IoStatus.OK);
    }
}
