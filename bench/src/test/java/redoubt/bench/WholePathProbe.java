package redoubt.bench;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import redoubt.base.ThreadHeartbeat;
import redoubt.block.BlockDevice;
import redoubt.block.FileDevice;
import redoubt.block.FileOptions;
import redoubt.block.IoMemory;
import redoubt.nbd.NbdExports;
import redoubt.nbd.NbdLimits;
import redoubt.nbd.NbdServer;

/**
 * Counts what requests allocate on their whole way, from the socket through an array to its members and back: on every thread of the
 * process but the client's. Runs in a virtual machine of its own, whose flags the test chooses. Prints a line for each kind of request:
 * its name, how many were answered, bytes.
 */
final class WholePathProbe {

    private static final int MEMBER_BYTES = 16 << 20;
    private static final int REPETITIONS = 40;

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private final Path socket;
    private final long sizeBytes;

    private WholePathProbe(Path socket, long sizeBytes) {
        this.socket = socket;
        this.sizeBytes = sizeBytes;
    }

    /** Arguments: level, number of members, way of the members, folder on tmpfs, milliseconds of a measurement. */
    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[3]);
        IoMemory memory = new IoMemory(
                new IoMemory.Cut(4 << 10, 512, 64), new IoMemory.Cut(64 << 10, 32, 8), new IoMemory.Cut(1 << 20, 8, 2));
        ThreadHeartbeat heartbeat = new ThreadHeartbeat(20_000_000);
        FileOptions options = FileOptions.DEFAULTS.withWay(FileOptions.Way.valueOf(arguments[2]));
        List<BlockDevice> members = new ArrayList<>();
        for (int i = 0; i < Integer.parseInt(arguments[1]); i++) {
            Path member = folder.resolve("member" + i);
            MemberFile.makeNoise(member, MEMBER_BYTES, i);
            members.add(FileDevice.open(member, options, heartbeat));
        }
        BlockDevice device = PlainArray.start(arguments[0], members, heartbeat, memory);
        NbdExports exports = new NbdExports();
        exports.add("plain", device, "");
        try (NbdServer server = new NbdServer(exports, memory, NbdLimits.standard())) {
            Path socket = folder.resolve("probe.sock");
            server.listenUnix(socket);
            WholePathProbe probe = new WholePathProbe(socket, device.limits().sizeBytes());
            long nanos = TimeUnit.MILLISECONDS.toNanos(Long.parseLong(arguments[4]));
            probe.measure(LeanConnection.Kind.READ, 4 << 10, 1, nanos);
            probe.measure(LeanConnection.Kind.READ, 4 << 10, 16, nanos);
            probe.measure(LeanConnection.Kind.READ, 128 << 10, 4, nanos);
            probe.measure(LeanConnection.Kind.WRITE, 4 << 10, 1, nanos);
            probe.measure(LeanConnection.Kind.WRITE, 4 << 10, 16, nanos);
            probe.measure(LeanConnection.Kind.WRITE, 256 << 10, 4, nanos);
            probe.measure(LeanConnection.Kind.FLUSH, 4 << 10, 2, nanos);
            probe.measure(LeanConnection.Kind.WRITE_ZEROES, 4 << 10, 4, nanos);
            probe.measure(LeanConnection.Kind.TRIM, 128 << 10, 4, nanos);
        } finally {
            Files.deleteIfExists(folder.resolve("probe.sock"));
        }
    }

    private void measure(LeanConnection.Kind kind, int blockBytes, int depth, long nanos) throws Exception {
        try (LeanConnection connection = LeanConnection.open(socket)) {
            run(connection, kind, blockBytes, depth, nanos);
            // Compiling and de-optimizing leave a few bytes now and then; what a request allocates is there in every
            // repetition.
            long least = Long.MAX_VALUE;
            long answered = 0;
            for (int repetition = 0; repetition < REPETITIONS && least != 0; repetition++) {
                long[] ids = othersThreads();
                long before = allocated(ids);
                answered = run(connection, kind, blockBytes, depth, nanos);
                least = Math.min(least, allocated(ids) - before);
            }
            System.out.println(kind + "-" + (blockBytes >> 10) + "k-depth-" + depth + " " + answered + " " + least);
        }
    }

    private long run(LeanConnection connection, LeanConnection.Kind kind, int blockBytes, int depth, long nanos)
            throws Exception {
        return connection.keepBusy(kind, blockBytes, depth, sizeBytes, 1, nanos, new Latencies());
    }

    private long[] othersThreads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread != Thread.currentThread())
                .mapToLong(Thread::threadId)
                .toArray();
    }

    private long allocated(long[] ids) {
        long sum = 0;
        for (long id : ids) {
            sum += Math.max(0, threads.getThreadAllocatedBytes(id));
        }
        return sum;
    }
}
