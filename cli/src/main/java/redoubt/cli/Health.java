package redoubt.cli;

import java.lang.management.ClassLoadingMXBean;
import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import redoubt.base.Beat;
import redoubt.base.Heartbeat;
import redoubt.block.BlockDevice;
import redoubt.block.FileDevice;
import redoubt.block.IoMemory;
import redoubt.fuse.FuseMount;
import redoubt.nbd.NbdServerStatus;

/**
 * How a process that serves stands by the promise that a write always makes progress: what is measured in it now, and which parts of the
 * promise do not hold here. Nothing is named that is not measured.
 *
 * <p>Counts are since the moment from which on nothing new should be needed: when the first client could connect. The gap is the longest
 * time between two rounds of the heartbeat, of which one comes each 20 ms: it shows how long the whole process stood still, if it ever did.
 *
 * <p>The beat is on the heartbeat's thread and allocates nothing; all else is for whoever asks, and does.
 */
final class Health implements Beat {

    private static final long NANOS_PER_MICRO = 1000;
    private static final long NANOS_PER_MILLI = 1_000_000;

    private final Heartbeat heartbeat;
    private final Path process;
    private final IoMemory memory;
    private final List<BlockDevice> members;
    private final Supplier<NbdServerStatus> server;
    private final @Nullable FuseMount mount;
    private final ClassLoadingMXBean classes = ManagementFactory.getClassLoadingMXBean();
    private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    private final @Nullable CompilationMXBean compiler = ManagementFactory.getCompilationMXBean();
    private final Baseline since;
    private long lastBeatNanos; // heartbeat only
    private volatile long worstGapNanos; // written by the heartbeat only

    private record Baseline(
            long nanos,
            long classes,
            long threads,
            long compileMillis,
            OptionalLong minorFaults,
            OptionalLong majorFaults) {}

    /**
     * Takes the first measure, and looks for gaps from now on.
     *
     * @param process where the process is told of: {@code /proc/self}
     * @param members the disks
     * @param mount where attributes and volumes are files, null if nowhere
     */
    Health(
            Heartbeat heartbeat,
            Path process,
            IoMemory memory,
            List<BlockDevice> members,
            Supplier<NbdServerStatus> server,
            @Nullable FuseMount mount) {
        this.mount = mount;
        this.heartbeat = heartbeat;
        this.process = process;
        this.memory = memory;
        this.members = List.copyOf(members);
        this.server = server;
        notPromised(); // whatever this needs for the first time, it needs now
        ProcessFacts facts = ProcessFacts.of(process);
        long now = heartbeat.clock().nanos();
        this.lastBeatNanos = now;
        this.since = new Baseline(
                now,
                classes.getTotalLoadedClassCount(),
                threads.getTotalStartedThreadCount(),
                compileMillis(),
                facts.minorFaults(),
                facts.majorFaults());
        heartbeat.register(this);
    }

    void stop() {
        heartbeat.unregister(this);
    }

    @Override
    public void beat(long nowNanos) {
        long gap = nowNanos - lastBeatNanos;
        lastBeatNanos = nowNanos;
        if (gap > worstGapNanos) {
            worstGapNanos = gap;
        }
    }

    private long compileMillis() {
        return compiler != null && compiler.isCompilationTimeMonitoringSupported()
                ? compiler.getTotalCompilationTime()
                : -1;
    }

    /** What is measured, by name; what cannot be measured here is called unknown. */
    Map<String, String> measured() {
        ProcessFacts facts = ProcessFacts.of(process);
        NbdServerStatus nbd = server.get();
        long compiled = compileMillis();
        Map<String, String> found = new LinkedHashMap<>();
        found.put("serving_millis", text((heartbeat.clock().nanos() - since.nanos()) / NANOS_PER_MILLI));
        found.put("memory_locked_bytes", text(facts.lockedBytes()));
        found.put("memory_resident_bytes", text(facts.residentBytes()));
        found.put("memory_swapped_bytes", text(facts.swappedBytes()));
        found.put("threads", text(facts.threads()));
        found.put("threads_io_flusher", text(facts.flusherThreads()));
        found.put("minor_faults", text(facts.minorFaults(), since.minorFaults()));
        found.put("major_faults", text(facts.majorFaults(), since.majorFaults()));
        found.put("classes_loaded", text(classes.getTotalLoadedClassCount() - since.classes()));
        found.put("compile_millis", compiled < 0 ? "unknown" : text(compiled - since.compileMillis()));
        found.put("threads_started", text(threads.getTotalStartedThreadCount() - since.threads()));
        found.put("buffers_free", text(memory.free()));
        found.put("buffers", text(memory.total()));
        found.put("worst_gap_micros", text(worstGapNanos / NANOS_PER_MICRO));
        found.put("clients", text(nbd.sessions()));
        found.put("clients_limit", text(nbd.sessionsLimit()));
        found.put("clients_cut", text(nbd.slow()));
        found.put("server_faults", text(nbd.faults()));
        if (mount != null) {
            found.put("mount_requests", text(mount.volumeRequests()));
            found.put("mount_open_attributes", text(mount.openAttributes()));
            found.put("mount_faults", text(mount.faults()));
        }
        found.put("native_access", FileDevice.nativeAccess() ? "on" : "off");
        found.put("members", text(members.size()));
        found.put("members_by_io_uring", text(byRing()));
        return found;
    }

    /** Which parts of the promise do not hold in this process, a sentence each; those that change nothing at a member come last. */
    List<String> notPromised() {
        ProcessFacts facts = ProcessFacts.of(process);
        List<String> found = new ArrayList<>();
        if (facts.lockedBytes().isEmpty()) {
            found.add("whether memory is locked cannot be seen on this system");
        } else if (facts.lockedBytes().getAsLong() == 0) {
            found.add("memory is not locked: when memory is short, a write may wait for a page of the server itself");
        }
        if (facts.flusherThreads().isPresent()
                && facts.flusherThreads().getAsLong() < facts.threads().orElse(0)) {
            found.add(
                    "%d of %d threads are not marked as I/O flushers: when memory is short, one of them may wait for what it serves"
                            .formatted(
                                    facts.threads().orElse(0)
                                            - facts.flusherThreads().getAsLong(),
                                    facts.threads().orElse(0)));
        }
        if (mount != null) {
            found.add(
                    "the arrays are files of a mount: when memory is short, a write to such a file may wait for the kernel's own part of it");
        }
        if (!FileDevice.nativeAccess()) {
            found.add(
                    "native access is off: there is no direct I/O and no io_uring, and a block device that the kernel itself uses is not noticed");
        } else if (byRing() == 0) {
            found.add(
                    "no member is reached by io_uring: what does not end at once takes a thread of its member's lane");
        }
        return found;
    }

    private long byRing() {
        return members.stream()
                .filter(member -> member instanceof FileDevice file && file.usesRing())
                .count();
    }

    private static String text(long number) {
        return Long.toString(number);
    }

    private static String text(OptionalLong number) {
        return number.isPresent() ? text(number.getAsLong()) : "unknown";
    }

    private static String text(OptionalLong now, OptionalLong before) {
        return now.isPresent() && before.isPresent() ? text(now.getAsLong() - before.getAsLong()) : "unknown";
    }
}
