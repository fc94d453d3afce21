package redoubt.testkit;

import com.sun.management.ThreadMXBean;
import java.io.RandomAccessFile;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.locks.LockSupport;
import redoubt.base.ThreadHeartbeat;
import redoubt.block.BlockDevice;
import redoubt.block.FileDevice;
import redoubt.block.FileOptions;
import redoubt.block.IoBuffer;
import redoubt.block.IoCompletion;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;
import redoubt.block.IoStatus;
import redoubt.block.MemoryDevice;

/**
 * Counts what a request allocates on the threads that carry it, in a virtual machine of its own, whose flags the test chooses. Prints
 * a line for each device and operation: name, operation, bytes. Requests are sent eight at a time, so that lanes queue.
 */
final class AllocationProbe implements IoCompletion {

    private static final int SIZE = 8 << 20;
    private static final int BLOCK = 4096;
    private static final int DEPTH = 8;
    private static final int REPETITIONS = 40;

    private static final AtomicIntegerFieldUpdater<AllocationProbe> OPEN =
            AtomicIntegerFieldUpdater.newUpdater(AllocationProbe.class, "open");

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private final IoMemory memory = new IoMemory(new IoMemory.Cut(BLOCK, DEPTH, 0));
    private final IoRequestPool pool = new IoRequestPool(DEPTH);
    private volatile int open;
    private volatile IoStatus worst = IoStatus.OK;

    private AllocationProbe() {}

    /** Arguments: how many rounds, a folder on a disk, a folder on tmpfs. */
    public static void main(String[] arguments) throws Exception {
        int rounds = Integer.parseInt(arguments[0]);
        AllocationProbe probe = new AllocationProbe();
        ThreadHeartbeat heartbeat = new ThreadHeartbeat(20_000_000);
        probe.measure("memory", new MemoryDevice(SIZE, BLOCK), rounds);
        FileOptions threads = FileOptions.DEFAULTS.withWay(FileOptions.Way.THREADS);
        probe.measure("threads", FileDevice.open(file(arguments[1]), threads, heartbeat), rounds);
        FileOptions direct = threads.withCaching(FileOptions.Caching.DIRECT).withBlockBytes(BLOCK);
        probe.measure("direct", FileDevice.open(file(arguments[1]), direct, heartbeat), rounds / 4);
        FileOptions ring = direct.withWay(FileOptions.Way.URING);
        probe.measure("ring", FileDevice.open(file(arguments[1]), ring, heartbeat), rounds / 4);
        probe.measure("cached", FileDevice.open(file(arguments[1]), FileOptions.DEFAULTS, heartbeat), rounds);
        probe.measure("tmpfs", FileDevice.open(file(arguments[2]), FileOptions.DEFAULTS, heartbeat), rounds);
    }

    private static Path file(String folder) throws Exception {
        Path path = Path.of(folder, "probe-" + System.nanoTime() + ".img");
        path.toFile().deleteOnExit();
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(SIZE);
        }
        return path;
    }

    private void measure(String name, BlockDevice device, int rounds) {
        measure(name, device, IoOperation.WRITE, 0, rounds);
        measure(name, device, IoOperation.READ, 0, rounds);
        measure(name, device, IoOperation.FLUSH, 0, rounds / 20);
        measure(name + "+FUA", device, IoOperation.WRITE, IoRequest.FUA, rounds / 20);
        device.close();
    }

    private void measure(String name, BlockDevice device, IoOperation operation, int flags, int rounds) {
        long[] ids = lanesAndSelf();
        ask(device, operation, flags, Math.max(50, rounds / 4)); // each thread sees the memory, classes are loaded
        // Compiling and de-optimizing leave a few bytes now and then; what a request allocates is there in every
        // repetition.
        long least = Long.MAX_VALUE;
        for (int repetition = 0; repetition < REPETITIONS && least != 0; repetition++) {
            long before = allocated(ids);
            long measuring = allocated(ids) - before;
            before = allocated(ids);
            ask(device, operation, flags, rounds);
            least = Math.min(least, allocated(ids) - before - measuring);
        }
        System.out.println(name + " " + operation + " " + least);
    }

    private void ask(BlockDevice device, IoOperation operation, int flags, int rounds) {
        for (int round = 0; round < rounds; round++) {
            open = DEPTH;
            for (int i = 0; i < DEPTH; i++) {
                IoBuffer buffer = operation.movesBytes() ? memory.take(BLOCK) : null;
                if (!pool.reserve(1)) {
                    throw new IllegalStateException("a request leaks");
                }
                long offset = operation.movesBytes() ? ((long) (round * 31 + i * 17) % (SIZE / BLOCK)) * BLOCK : 0;
                int length = operation.movesBytes() ? BLOCK : 0;
                device.submit(pool.take().prepare(operation, offset, length, flags, buffer, 0, this));
                if (buffer != null) {
                    buffer.release();
                }
            }
            while (open != 0) {
                LockSupport.parkNanos(1);
            }
            if (worst != IoStatus.OK) {
                throw new IllegalStateException(operation + " ended " + worst);
            }
        }
    }

    private long allocated(long[] ids) {
        long sum = 0;
        for (long id : ids) {
            sum += threads.getThreadAllocatedBytes(id);
        }
        return sum;
    }

    private static long[] lanesAndSelf() {
        List<Long> ids = new ArrayList<>();
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread == Thread.currentThread() || thread.getName().startsWith("lane-")) {
                ids.add(thread.threadId());
            }
        }
        return ids.stream().mapToLong(Long::longValue).toArray();
    }

    @Override
    public void completed(IoRequest request) {
        if (!request.status().ok()) {
            worst = request.status();
        }
        request.free();
        OPEN.getAndDecrement(this);
    }
}
