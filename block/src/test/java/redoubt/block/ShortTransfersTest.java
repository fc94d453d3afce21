package redoubt.block;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.base.ThreadHeartbeat;

/** Goal: a call that moves less than it was asked for is followed by another, until all is done or nothing moves any more. */
class ShortTransfersTest {

    private static final long PATIENCE_SECONDS = 60;
    private static final int LENGTH = 16 << 10;
    private static final int OFFSET = 4096;
    private static final int SIZE = 64 << 10;

    private final Random random = new Random(7);
    private final IoRequestPool pool = new IoRequestPool(2);
    private final IoMemory memory = new IoMemory(new IoMemory.Cut(LENGTH, 2, 0));

    /** Moves so many bytes a call at most, and none behind its end. */
    private static final class ShortChannel extends FakeChannel {
        private final byte[] content = new byte[SIZE];
        private final int most;
        private int end = SIZE;
        private int calls;

        ShortChannel(int most) {
            this.most = most;
        }

        private int moved(ByteBuffer buffer, long position) {
            calls++;
            return (int) Math.max(-1, Math.min(Math.min(most, buffer.remaining()), end - position));
        }

        @Override
        public int read(ByteBuffer into, long position) {
            int moved = moved(into, position);
            if (moved > 0) {
                into.put(content, (int) position, moved);
            }
            return moved;
        }

        @Override
        public int write(ByteBuffer from, long position) {
            int moved = moved(from, position);
            if (moved > 0) {
                from.get(content, (int) position, moved);
            }
            return moved;
        }

        @Override
        public long size() {
            return SIZE;
        }
    }

    private IoStatus perform(ShortChannel channel, IoOperation operation, IoBuffer buffer) {
        FileCalls calls = new FileCalls(
                new FileChannel[] {channel},
                FileCalls.NO_DESCRIPTOR,
                FileCalls.NO_DESCRIPTOR,
                false,
                new BlockLimits(SIZE, 512, 4096, SIZE, false, false, false, false),
                new WriteBehind(),
                () -> {});
        Call call = new Call();
        IoRequest request = request(operation, OFFSET, buffer, ended -> {});
        call.begin(request);
        return calls.perform(0, request, call);
    }

    private IoRequest request(IoOperation operation, long offset, IoBuffer buffer, IoCompletion completion) {
        assertThat(pool.reserve(1)).isTrue();
        return pool.take().prepare(operation, offset, LENGTH, 0, buffer, 0, completion);
    }

    private byte[] noise() {
        byte[] noise = new byte[LENGTH];
        random.nextBytes(noise);
        return noise;
    }

    private IoBuffer buffer(byte[] content) {
        IoBuffer buffer = memory.take(LENGTH);
        MemorySegment.copy(content, 0, buffer.segment(), ValueLayout.JAVA_BYTE, buffer.position(), LENGTH);
        return buffer;
    }

    private static byte[] content(IoBuffer buffer) {
        byte[] content = new byte[LENGTH];
        MemorySegment.copy(buffer.segment(), ValueLayout.JAVA_BYTE, buffer.position(), content, 0, LENGTH);
        return content;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 512, LENGTH - 1, LENGTH})
    void aReadGoesOnUntilAllIsThere(int most) {
        ShortChannel channel = new ShortChannel(most);
        random.nextBytes(channel.content);
        IoBuffer buffer = buffer(noise());
        assertThat(perform(channel, IoOperation.READ, buffer)).isEqualTo(IoStatus.OK);
        assertThat(content(buffer)).isEqualTo(Arrays.copyOfRange(channel.content, OFFSET, OFFSET + LENGTH));
        assertThat(channel.calls).isEqualTo((LENGTH + most - 1) / most);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 512, LENGTH - 1, LENGTH})
    void aWriteGoesOnUntilAllIsWritten(int most) {
        ShortChannel channel = new ShortChannel(most);
        byte[] content = noise();
        assertThat(perform(channel, IoOperation.WRITE, buffer(content))).isEqualTo(IoStatus.OK);
        byte[] wanted = new byte[SIZE];
        System.arraycopy(content, 0, wanted, OFFSET, LENGTH);
        assertThat(channel.content).isEqualTo(wanted);
        assertThat(channel.calls).isEqualTo((LENGTH + most - 1) / most);
    }

    @ParameterizedTest
    @ValueSource(strings = {"READ", "WRITE"})
    void whereNothingMovesAnyMoreItIsAnError(String operation) {
        ShortChannel channel = new ShortChannel(700);
        channel.end = OFFSET + LENGTH / 2;
        assertThat(perform(channel, IoOperation.valueOf(operation), buffer(noise())))
                .isEqualTo(IoStatus.IO_ERROR);
    }

    // ---- A ring, whose file is a pipe: it gives what is in it, and takes what it has room for. ----

    @TempDir
    private Path folder;

    private final CountDownLatch settled = new CountDownLatch(1);
    private volatile IoStatus status = IoStatus.GONE;

    private void settled(IoRequest request) {
        status = request.status();
        request.free();
        settled.countDown();
    }

    /** What is done at the other end of the pipe meanwhile. */
    private interface OtherEnd {
        void act(FileChannel pipe, RingLane ring) throws Exception;
    }

    private void withRing(OtherEnd otherEnd) throws Exception {
        Path pipe = folder.resolve("pipe");
        Assumptions.assumeTrue(
                new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor() == 0, "SKIPPED: there is no mkfifo");
        int file = Linux.open(pipe.toString(), Linux.O_RDWR);
        CountDownLatch left = new CountDownLatch(1);
        long limitNanos = TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        try (ThreadHeartbeat heartbeat = new ThreadHeartbeat(TimeUnit.MILLISECONDS.toNanos(100));
                FileChannel other = FileChannel.open(pipe, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            RingLane ring;
            try {
                ring = new RingLane(
                        "pipe", file, false, 0, new WriteBehind(), left::countDown, limitNanos, 4, heartbeat);
            } catch (UnsupportedOperationException refused) {
                Assumptions.abort("SKIPPED: " + refused.getMessage());
                return;
            }
            otherEnd.act(other, ring);
            assertThat(settled.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
            assertThat(status).isEqualTo(IoStatus.OK);
            ring.close();
            assertThat(left.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
        } finally {
            Linux.close(file);
        }
    }

    @Test
    void aRingReadsOnAfterEachPieceThatCame() throws Exception {
        byte[] content = noise();
        IoBuffer buffer = buffer(new byte[LENGTH]);
        withRing((pipe, ring) -> {
            ring.submit(request(IoOperation.READ, 0, buffer, this::settled));
            int at = 0;
            for (int piece : new int[] {1, 511, 4096, 3000, LENGTH}) {
                assertThat(settled.getCount()).as("not settled at %d", at).isEqualTo(1);
                int length = Math.min(piece, LENGTH - at);
                assertThat(pipe.write(ByteBuffer.wrap(content, at, length))).isEqualTo(length);
                at += length;
                awaitContent(buffer, content, at);
            }
        });
        assertThat(content(buffer)).isEqualTo(content);
    }

    private static void awaitContent(IoBuffer buffer, byte[] content, int length) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (!Arrays.equals(content(buffer), 0, length, content, 0, length)) {
            assertThat(System.nanoTime()).as("%d bytes have come", length).isLessThan(deadline);
            Thread.onSpinWait();
        }
    }

    /** The pipe has room for a quarter of the write. */
    @Test
    void aRingWritesOnWhenThereIsRoomAgain() throws Exception {
        int before = (64 << 10) - LENGTH / 4;
        byte[] content = noise();
        ByteBuffer all = ByteBuffer.allocate(before + LENGTH);
        withRing((pipe, ring) -> {
            assertThat(pipe.write(ByteBuffer.allocate(before))).isEqualTo(before);
            ring.submit(request(IoOperation.WRITE, 0, buffer(content), this::settled));
            while (all.hasRemaining()) {
                assertThat(pipe.read(all)).isPositive();
            }
        });
        assertThat(Arrays.copyOfRange(all.array(), before, before + LENGTH)).isEqualTo(content);
    }
}
