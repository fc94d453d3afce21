package redoubt.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import redoubt.block.BlockDevice;
import redoubt.block.BlockLimits;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;

/**
 * What every {@link BlockDevice} promises, as tests: a room that makes a device extends this class, says how to open one, and has
 * them all. They run once for each block size.
 *
 * <p>Random tests take their seed from the property {@code redoubt.seed}, or the clock, and say it when they fail.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class BlockDeviceContract {

    /** Size of the device that {@link #open} is asked for. */
    protected static final long SIZE_BYTES = 4L << 20;

    private final List<AutoCloseable> opened = new ArrayList<>();

    /** A device of {@link #SIZE_BYTES} bytes that reads as zeroes. */
    protected abstract BlockDevice open(int blockBytes) throws Exception;

    /** The block sizes that the device can have. */
    protected List<Integer> blockSizes() {
        return List.of(512, 4096);
    }

    /** Somebody who asks the device; overridden where the test steps the device. */
    protected Asker askerOf(BlockDevice device) {
        return new Asker(device);
    }

    /** Opens a device for a test, and closes it after. */
    protected final BlockDevice opened(int blockBytes) throws Exception {
        BlockDevice device = open(blockBytes);
        opened.add(device);
        return device;
    }

    /** To be called in {@link #open}: closes something after the test, and after the device. */
    protected final void closeAfterwards(AutoCloseable one) {
        opened.add(one);
    }

    /** Closes what a test opened, last first. */
    @AfterEach
    void closeAll() throws Exception {
        for (AutoCloseable one : opened.reversed()) {
            one.close();
        }
        opened.clear();
    }

    /** Goal: what was written is read. Method: a thousand random writes and reads beside a model in an array. */
    @ParameterizedTest
    @MethodSource("blockSizes")
    void readsBackWhatWasWritten(int blockBytes) throws Exception {
        long seed = Seed.next();
        Random random = new Random(seed);
        byte[] model = new byte[(int) SIZE_BYTES];
        try (Asker asker = askerOf(opened(blockBytes))) {
            for (int i = 0; i < 300; i++) {
                int length = blockBytes * (1 + random.nextInt(i % 10 == 0 ? 128 : 8));
                length = Math.min(length, 1 << 19);
                long offset = (long) random.nextInt((int) ((SIZE_BYTES - length) / blockBytes) + 1) * blockBytes;
                if (random.nextBoolean()) {
                    byte[] content = new byte[length];
                    random.nextBytes(content);
                    assertThat(asker.write(offset, content)).as("seed %d", seed).isEqualTo(IoStatus.OK);
                    System.arraycopy(content, 0, model, (int) offset, length);
                } else {
                    assertThat(asker.read(offset, length))
                            .as("read %d at %d, seed %d", length, offset, seed)
                            .isEqualTo(Arrays.copyOfRange(model, (int) offset, (int) offset + length));
                }
            }
            assertHolds(asker, model, seed);
        }
    }

    /** Goal: the first and the last block are reached, and the limits tell the truth. */
    @ParameterizedTest
    @MethodSource("blockSizes")
    void reachesFirstAndLastBlock(int blockBytes) throws Exception {
        BlockDevice device = opened(blockBytes);
        BlockLimits limits = device.limits();
        assertThat(limits.sizeBytes()).isEqualTo(SIZE_BYTES);
        assertThat(limits.blockBytes()).isEqualTo(blockBytes);
        try (Asker asker = askerOf(device)) {
            byte[] first = bytes(blockBytes, 1);
            byte[] last = bytes(blockBytes, 2);
            assertThat(asker.write(0, first)).isEqualTo(IoStatus.OK);
            assertThat(asker.write(SIZE_BYTES - blockBytes, last)).isEqualTo(IoStatus.OK);
            assertThat(asker.read(0, blockBytes)).isEqualTo(first);
            assertThat(asker.read(SIZE_BYTES - blockBytes, blockBytes)).isEqualTo(last);
        }
    }

    /** Goal: a range that the device has not is settled INVALID and touches nothing. */
    @ParameterizedTest
    @MethodSource("blockSizes")
    void refusesRangesItHasNot(int blockBytes) throws Exception {
        try (Asker asker = askerOf(opened(blockBytes))) {
            byte[] block = bytes(blockBytes, 3);
            assertThat(asker.write(0, block)).isEqualTo(IoStatus.OK);
            assertThat(asker.write(SIZE_BYTES - blockBytes, block)).isEqualTo(IoStatus.OK);
            long[][] ranges = {
                {SIZE_BYTES, blockBytes},
                {SIZE_BYTES - blockBytes, 2L * blockBytes},
                {-blockBytes, blockBytes},
                {-1, blockBytes},
                {Long.MAX_VALUE - blockBytes + 1, blockBytes},
                {Long.MIN_VALUE, blockBytes},
                {0, 0},
                {0, -blockBytes},
                {0, Long.MIN_VALUE},
                {1, blockBytes},
                {0, blockBytes + 1},
                {blockBytes / 2, blockBytes},
                {0, blockBytes / 2},
            };
            IoOperation[] operations = {
                IoOperation.READ, IoOperation.WRITE, IoOperation.TRIM, IoOperation.WRITE_ZEROES, IoOperation.ALLOCATION
            };
            for (IoOperation operation : operations) {
                for (long[] range : ranges) {
                    assertThat(asker.ask(operation, range[0], range[1], 0, null))
                            .as("%s of %d at %d", operation, range[1], range[0])
                            .isEqualTo(IoStatus.INVALID);
                }
                long endless = Long.MAX_VALUE & -blockBytes;
                assertThat(asker.ask(operation, 0, endless, 0, null)).isEqualTo(IoStatus.INVALID);
            }
            assertThat(asker.ask(IoOperation.FLUSH, blockBytes, 0, 0, null)).isEqualTo(IoStatus.INVALID);
            assertThat(asker.ask(IoOperation.FLUSH, 0, blockBytes, 0, null)).isEqualTo(IoStatus.INVALID);
            assertThat(asker.read(0, blockBytes)).isEqualTo(block);
            assertThat(asker.read(SIZE_BYTES - blockBytes, blockBytes)).isEqualTo(block);
        }
    }

    /** Goal: a request whose buffer is too small is INVALID, whatever its range: nobody else's memory is read or written. */
    @ParameterizedTest
    @MethodSource("blockSizes")
    void refusesToLeaveTheBuffer(int blockBytes) throws Exception {
        BlockDevice device = opened(blockBytes);
        try (Asker asker = askerOf(device)) {
            // The asker never gives more than 1 MiB of buffer.
            assertThat(asker.ask(IoOperation.READ, 0, 2L << 20, 0, null)).isEqualTo(IoStatus.INVALID);
            assertThat(asker.ask(IoOperation.WRITE, 0, 2L << 20, 0, null)).isEqualTo(IoStatus.INVALID);
        }
    }

    /** Goal: flush and FUA are answered. That they mean something is for the power-cut tests of each device. */
    @ParameterizedTest
    @MethodSource("blockSizes")
    void answersFlushAndFua(int blockBytes) throws Exception {
        try (Asker asker = askerOf(opened(blockBytes))) {
            byte[] block = bytes(blockBytes, 4);
            assertThat(asker.flush()).isEqualTo(IoStatus.OK);
            assertThat(asker.writeFua(blockBytes, block)).isEqualTo(IoStatus.OK);
            assertThat(asker.write(2L * blockBytes, block)).isEqualTo(IoStatus.OK);
            assertThat(asker.flush()).isEqualTo(IoStatus.OK);
            assertThat(asker.read(blockBytes, blockBytes)).isEqualTo(block);
        }
    }

    /** Goal: zeroes are zeroes, however they are asked for, and only where they were asked for. */
    @ParameterizedTest
    @MethodSource("blockSizes")
    void writesZeroesExactlyThere(int blockBytes) throws Exception {
        int[] flagSets = {
            0, IoRequest.NO_HOLE, IoRequest.FUA, IoRequest.FAST_ZERO, IoRequest.FAST_ZERO | IoRequest.NO_HOLE
        };
        BlockDevice device = opened(blockBytes);
        try (Asker asker = askerOf(device)) {
            for (int flags : flagSets) {
                int length = 512 << 10;
                byte[] model = bytes(length, flags + 5);
                assertThat(asker.write(0, model)).isEqualTo(IoStatus.OK);
                IoStatus status =
                        asker.ask(IoOperation.WRITE_ZEROES, 3L * blockBytes, length - 5L * blockBytes, flags, null);
                boolean fast = (flags & IoRequest.FAST_ZERO) != 0;
                if (flags == IoRequest.FAST_ZERO && device.limits().fastZeroes()) {
                    assertThat(status).isEqualTo(IoStatus.OK);
                }
                if (!fast || status != IoStatus.UNSUPPORTED) {
                    assertThat(status).as("flags %d", flags).isEqualTo(IoStatus.OK);
                    Arrays.fill(model, 3 * blockBytes, length - 2 * blockBytes, (byte) 0);
                }
                assertThat(asker.read(0, length)).as("flags %d", flags).isEqualTo(model);
            }
        }
    }

    /** Goal: the whole device can be zeroed by one request, however large. */
    @ParameterizedTest
    @MethodSource("blockSizes")
    void zeroesTheWholeDevice(int blockBytes) throws Exception {
        try (Asker asker = askerOf(opened(blockBytes))) {
            assertThat(asker.write(SIZE_BYTES / 2, bytes(64 << 10, 6))).isEqualTo(IoStatus.OK);
            assertThat(asker.ask(IoOperation.WRITE_ZEROES, 0, SIZE_BYTES, 0, null))
                    .isEqualTo(IoStatus.OK);
            assertHolds(asker, new byte[(int) SIZE_BYTES], 0);
        }
    }

    /** Goal: a trim is answered OK; where the limits say that it trims the range is zeroes, elsewhere nothing has changed. */
    @ParameterizedTest
    @MethodSource("blockSizes")
    void trimsOnlyWhatItMay(int blockBytes) throws Exception {
        BlockDevice device = opened(blockBytes);
        try (Asker asker = askerOf(device)) {
            int length = 256 << 10;
            byte[] model = bytes(length, 7);
            assertThat(asker.write(0, model)).isEqualTo(IoStatus.OK);
            assertThat(asker.ask(IoOperation.TRIM, blockBytes, length - 2L * blockBytes, 0, null))
                    .isEqualTo(IoStatus.OK);
            if (device.limits().trims()) {
                Arrays.fill(model, blockBytes, length - blockBytes, (byte) 0);
            }
            assertThat(asker.read(0, length)).isEqualTo(model);
        }
    }

    /**
     * Goal: the answer to ALLOCATION is a run of positive, aligned lengths that starts at the offset and stays in the range; what is
     * said to be zero is zero.
     */
    @ParameterizedTest
    @MethodSource("blockSizes")
    void saysTruthfullyWhatHoldsData(int blockBytes) throws Exception {
        try (Asker asker = askerOf(opened(blockBytes))) {
            assertThat(asker.write(64 << 10, bytes(64 << 10, 8))).isEqualTo(IoStatus.OK);
            assertThat(asker.write(SIZE_BYTES - (64 << 10), bytes(64 << 10, 9))).isEqualTo(IoStatus.OK);
            long at = 0;
            while (at < SIZE_BYTES) {
                Asked asked = asker.start(IoOperation.ALLOCATION, at, SIZE_BYTES - at, 0, null);
                assertThat(asked.await()).isEqualTo(IoStatus.OK);
                assertThat(asked.result()).isPositive();
                for (int pair = 0; pair < asked.result(); pair++) {
                    long length = asked.longAt(2 * pair);
                    long flags = asked.longAt(2 * pair + 1);
                    assertThat(length).isPositive().isLessThanOrEqualTo(SIZE_BYTES - at);
                    assertThat(length % blockBytes).isZero();
                    for (long read = 0; (flags & IoRequest.ALLOCATION_ZERO) != 0 && read < length; ) {
                        int piece = (int) Math.min(length - read, 1 << 20);
                        assertThat(asker.read(at + read, piece)).containsOnly(0);
                        read += piece;
                    }
                    at += length;
                }
                asked.free();
            }
        }
    }

    /** Goal: many requests in flight from several threads are each settled once, with their own data. */
    @ParameterizedTest
    @MethodSource("blockSizes")
    void carriesManyRequestsAtOnce(int blockBytes) throws Exception {
        try (Asker asker = askerOf(opened(blockBytes))) {
            for (int round = 0; round < 10; round++) {
                List<Asked> writes = new ArrayList<>();
                for (int i = 0; i < 60; i++) {
                    writes.add(asker.startWrite((long) i * blockBytes, bytes(blockBytes, round * 100 + i), 0));
                }
                for (Asked write : writes) {
                    assertThat(write.await()).isEqualTo(IoStatus.OK);
                    write.free();
                }
                List<Asked> reads = new ArrayList<>();
                for (int i = 0; i < 60; i++) {
                    reads.add(asker.startRead((long) i * blockBytes, blockBytes));
                }
                for (int i = 0; i < 60; i++) {
                    assertThat(reads.get(i).await()).isEqualTo(IoStatus.OK);
                    assertThat(reads.get(i).content()).isEqualTo(bytes(blockBytes, round * 100 + i));
                    reads.get(i).free();
                }
            }
        }
    }

    /** Goal: after close every request is settled GONE at once, and closing again does nothing. */
    @ParameterizedTest
    @MethodSource("blockSizes")
    void answersGoneAfterClose(int blockBytes) throws Exception {
        BlockDevice device = opened(blockBytes);
        try (Asker asker = askerOf(device)) {
            assertThat(asker.write(0, bytes(blockBytes, 10))).isEqualTo(IoStatus.OK);
            device.close();
            device.close();
            assertThat(asker.ask(IoOperation.READ, 0, blockBytes, 0, null)).isEqualTo(IoStatus.GONE);
            assertThat(asker.write(0, bytes(blockBytes, 11))).isEqualTo(IoStatus.GONE);
            assertThat(asker.flush()).isEqualTo(IoStatus.GONE);
        }
    }

    /** Goal: a close in the middle of requests settles each exactly once, done or GONE. */
    @ParameterizedTest
    @MethodSource("blockSizes")
    void settlesEverythingOnClose(int blockBytes) throws Exception {
        BlockDevice device = opened(blockBytes);
        try (Asker asker = askerOf(device)) {
            List<Asked> writes = new ArrayList<>();
            for (int i = 0; i < 60; i++) {
                writes.add(asker.startWrite((long) i * blockBytes, bytes(blockBytes, i), 0));
            }
            device.close();
            for (Asked write : writes) {
                assertThat(write.await()).isIn(IoStatus.OK, IoStatus.GONE);
            }
        }
    }

    /** Bytes that differ with the number. */
    protected static byte[] bytes(int length, int number) {
        byte[] content = new byte[length];
        new Random(number).nextBytes(content);
        return content;
    }

    private static void assertHolds(Asker asker, byte[] model, long seed) {
        int piece = 1 << 20;
        for (int at = 0; at < model.length; at += piece) {
            assertThat(asker.read(at, piece))
                    .as("at %d, seed %d", at, seed)
                    .isEqualTo(Arrays.copyOfRange(model, at, at + piece));
        }
    }
}
