package redoubt.md;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import redoubt.base.ThreadHeartbeat;
import redoubt.base.Threads;
import redoubt.base.WorkerFactory;
import redoubt.block.BlockDevice;
import redoubt.block.BlockLimits;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;
import redoubt.block.IoStatus;
import redoubt.workqueue.Workqueue;

/**
 * Goal: the store-load pairing of the gate (Linux, drivers/md/md.c, md_write_start and set_in_sync). Method: four threads write while a
 * fifth asks for the clean mark again and again; the member looks, at each write that reaches it, whether the metadata says dirty at that
 * moment.
 */
class WriteGateStressTest {

    private static final int WRITERS = 4;
    private static final int WRITES = 20_000;

    private volatile boolean dirtyOnDisk;
    private final AtomicInteger violations = new AtomicInteger();
    private final AtomicInteger flips = new AtomicInteger();

    /** A member that checks the mark; the metadata may turn clean only when no write is inside. */
    private final class CheckingDevice implements BlockDevice {
        @Override
        public BlockLimits limits() {
            return new BlockLimits(1 << 20, 512, 4096, 65536, false, true, true, false);
        }

        @Override
        public void submit(IoRequest request) {
            if (request.operation() == IoOperation.WRITE && !dirtyOnDisk) {
                violations.incrementAndGet();
            }
            request.complete(IoStatus.OK);
        }

        @Override
        public void close() {}
    }

    private final MetadataKeeper keeper = new MetadataKeeper() {
        @Override
        public void markDirty(Answer answer) {
            dirtyOnDisk = true;
            answer.recorded(true);
        }

        @Override
        public void markClean(Answer answer) {
            flips.incrementAndGet();
            dirtyOnDisk = false;
            answer.recorded(true);
        }

        @Override
        public void recordFailure(int slot, Answer answer) {
            answer.recorded(true);
        }
    };

    @Test
    void noWriteReachesAMemberWhileTheMetadataSaysClean() throws InterruptedException {
        List<ArrayPlan.Occupant> occupants = new ArrayList<>();
        for (int slot = 0; slot < 2; slot++) {
            occupants.add(new ArrayPlan.Occupant(
                    new Member(slot, "disk" + slot, new CheckingDevice(), 0), MemberState.IN_SYNC));
        }
        ArrayPlan plan = new ArrayPlan("twins", 1 << 20, 1 << 20, 512, occupants, true, false, false, 0, 20);
        IoMemory memory = new IoMemory(new IoMemory.Cut(4096, 16, 2));
        try (ThreadHeartbeat heartbeat = new ThreadHeartbeat(20_000_000);
                Workqueue queue = Workqueue.orderedMemReclaim("twins", WorkerFactory.threads())) {
            Array array = new Array(
                    plan, host -> new TwinPersonality(host, 2), queue, heartbeat, new IoRequestPool(64), memory);
            array.start(keeper);
            CountDownLatch done = new CountDownLatch(WRITERS);
            for (int writer = 0; writer < WRITERS; writer++) {
                Threads.start("writer-" + writer, () -> {
                    IoRequestPool own = new IoRequestPool(1);
                    for (int i = 0; i < WRITES; i++) {
                        write(array, own, memory);
                        for (int pause = 0; pause < (i & 1023); pause++) {
                            Thread.onSpinWait();
                        }
                    }
                    done.countDown();
                });
            }
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(100);
            while (done.getCount() != 0 && System.nanoTime() < deadline) {
                array.tryClean();
                Thread.onSpinWait();
            }
            assertThat(done.getCount()).isZero();
            assertThat(array.stop(TimeUnit.SECONDS.toNanos(5))).isTrue();
            assertThat(array.requestsInside()).isZero();
        }
        assertThat(violations.get()).isZero();
        assertThat(flips.get())
                .as("the array has to become clean often, or this proves nothing")
                .isGreaterThan(100);
        assertThat(memory.free()).isEqualTo(memory.total());
    }

    private static void write(Array array, IoRequestPool own, IoMemory memory) {
        var buffer = memory.take(4096);
        if (buffer == null || !own.reserve(1)) {
            throw new IllegalStateException("the test has memory and requests for each writer");
        }
        CountDownLatch ended = new CountDownLatch(1);
        IoRequest request = own.take().prepare(IoOperation.WRITE, 0, 4096, 0, buffer, 0, settled -> {
            settled.free();
            ended.countDown();
        });
        buffer.release();
        array.submit(request);
        try {
            ended.await();
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
    }
}
