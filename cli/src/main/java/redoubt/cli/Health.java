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
 * <p>Counts are since the moment from which on nothing new should be needed: when serving began. The gap is the longest
 * time between two rounds of the heartbeat, of which one comes each 20 ms: it shows how long the whole process stood still, if it ever did.
 *
 * <p>The beat is on the heartbeat's thread and allocates nothing; all else is for whoever asks, and does.
 */
final class Health implements Beat {

    private static final long NEVER_KILLED = -1000;

    /** All that can be written, and of the rest what was used once. */
    private static final String LOCKED = "writable+used";

    private static final long NANOS_PER_MICRO = 1000;
    private static final long NANOS_PER_MILLI = 1_000_000;

    private final Heartbeat heartbeat;
    private final Path process;
    private final IoMemory memory;
    private final List<BlockDevice> members;
    private final Supplier<NbdServerStatus> server;
    private final @Nullable FuseMount mount;
    private final boolean tcp;
    private final boolean keptOutside;
    private volatile Precautions precautions = Precautions.none();
    private final ClassLoadingMXBean classes = ManagementFactory.getClassLoadingMXBean();
    private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    private final @Nullable CompilationMXBean compiler = ManagementFactory.getCompilationMXBean();
    private volatile Baseline since;
    private long lastBeatNanos; // heartbeat only
    private volatile long worstGapNanos; // written by the heartbeat, and once when serving begins

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
     * @param tcp whether clients may come over TCP
     * @param keptOutside whether a daemon outside keeps the metadata
     */
    Health(
            Heartbeat heartbeat,
            Path process,
            IoMemory memory,
            List<BlockDevice> members,
            Supplier<NbdServerStatus> server,
            @Nullable FuseMount mount,
            boolean tcp,
            boolean keptOutside) {
        this.mount = mount;
        this.tcp = tcp;
        this.keptOutside = keptOutside;
        this.heartbeat = heartbeat;
        this.process = process;
        this.memory = memory;
        this.members = List.copyOf(members);
        this.server = server;
        this.lastBeatNanos = heartbeat.clock().nanos();
        this.since = baseline();
        measured();
        notPromised(); // whatever this needs for the first time, it needed then
        heartbeat.register(this);
    }

    /** Serving begins: what is counted is counted from here. */
    void begin(Precautions taken) {
        precautions = taken;
        worstGapNanos = 0;
        measured();
        since = baseline();
    }

    private Baseline baseline() {
        ProcessFacts facts = ProcessFacts.of(process);
        return new Baseline(
                heartbeat.clock().nanos(),
                classes.getTotalLoadedClassCount(),
                threads.getTotalStartedThreadCount(),
                compileMillis(),
                facts.minorFaults(),
                facts.majorFaults());
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
        found.put("state", unsafe(facts).isEmpty() ? "safe" : "unsafe");
        found.put("serving_millis", text((heartbeat.clock().nanos() - since.nanos()) / NANOS_PER_MILLI));
        found.put("memory_lock", precautions.unlocked().isEmpty() ? LOCKED : "none");
        found.put("frozen", precautions.notFrozen().isEmpty() ? "yes" : "no");
        found.put("oom_score_adj", text(facts.oomScoreAdjustment()));
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

    /** Why a write might wait for memory in this process, a sentence for each reason; empty where it is safe. */
    List<String> unsafe() {
        return unsafe(ProcessFacts.of(process));
    }

    private List<String> unsafe(ProcessFacts facts) {
        Precautions taken = precautions;
        List<String> reasons = new ArrayList<>();
        taken.unlocked()
                .ifPresent(why -> reasons.add(
                        "memory is not locked, and a write may wait for a page of the server itself: " + why));
        if (taken.unlocked().isEmpty() && facts.lockedBytes().orElse(0) == 0) {
            reasons.add("memory was locked, but the system does not say so (VmLck)");
        }
        taken.notFrozen().ifPresent(why -> reasons.add("something new may be needed, and memory for it: " + why));
        if (taken.notFrozen().isEmpty()) {
            Baseline then = since;
            count(reasons, classes.getTotalLoadedClassCount() - then.classes(), "classes were loaded");
            count(reasons, compileMillis() - then.compileMillis(), "milliseconds were spent compiling");
            count(reasons, threads.getTotalStartedThreadCount() - then.threads(), "threads were started");
            count(reasons, grown(facts.majorFaults(), then.majorFaults()), "pages had to be read");
            count(reasons, grown(facts.minorFaults(), then.minorFaults()), "pages had to be found");
        }
        if (!server.get().replyReserve()) {
            reasons.add("there is no memory in reserve for replies, because no Unix socket could be made for it beside"
                    + " the control socket or in the temporary directory");
        }
        reasons.addAll(unsafeHere(facts, members, tcp, keptOutside, mount != null));
        return reasons;
    }

    /**
     * Why a write might wait for memory whatever is done beforehand: what is known before anything is served.
     *
     * @param mounted whether the arrays are files of a mount
     */
    static List<String> unsafeHere(
            ProcessFacts facts, List<BlockDevice> members, boolean tcp, boolean keptOutside, boolean mounted) {
        List<String> reasons = new ArrayList<>();
        long threadsThere = facts.threads().orElse(0);
        long unmarked = threadsThere - facts.flusherThreads().orElse(0);
        if (facts.flusherThreads().isEmpty()) {
            reasons.add("whether threads are marked as I/O flushers cannot be seen on this system");
        } else if (unmarked > 0) {
            reasons.add(
                    "%d of %d threads are not marked as I/O flushers, which takes CAP_SYS_RESOURCE: one of them may wait for what it serves"
                            .formatted(unmarked, threadsThere));
        }
        if (facts.oomScoreAdjustment().orElse(0) > NEVER_KILLED) {
            reasons.add("this process may be killed to get memory (oom_score_adj is %s, and should be %d)"
                    .formatted(text(facts.oomScoreAdjustment()), NEVER_KILLED));
        }
        if (facts.swappedBytes().orElse(0) > 0) {
            reasons.add("%d bytes of this process are in swap"
                    .formatted(facts.swappedBytes().orElse(0)));
        }
        if (!FileDevice.nativeAccess()) {
            reasons.add(
                    "native access is off: there is no direct I/O and no io_uring, and a block device that the kernel itself uses is not noticed");
        }
        long cached = members.stream()
                .filter(member -> member instanceof FileDevice file && file.usesPageCache())
                .count();
        if (cached > 0) {
            reasons.add("%d of %d members are reached through the page cache, which takes memory; a block device is not"
                    .formatted(cached, members.size()));
        }
        long remote = members.stream()
                .filter(member -> !(member instanceof FileDevice))
                .count();
        if (remote > 0) {
            reasons.add("%d of %d members are reached over the network".formatted(remote, members.size()));
        }
        if (tcp) {
            reasons.add("clients may come over TCP, where an answer may wait for memory; a Unix socket is safe");
        }
        if (keptOutside) {
            reasons.add(
                    "a daemon outside keeps the metadata, and may wait for memory: a write waits for it until the deadline");
        }
        if (mounted) {
            reasons.add(
                    "the arrays are files of a mount: when memory is short, a write to such a file may wait for the kernel's own part of it");
        }
        return reasons;
    }

    private static void count(List<String> reasons, long count, String what) {
        if (count > 0) {
            reasons.add("%d %s since it began to serve".formatted(count, what));
        }
    }

    /** Which parts of the promise do not hold in this process, a sentence each: what makes it unsafe, and what costs only time. */
    List<String> notPromised() {
        List<String> found = new ArrayList<>(unsafe());
        if (FileDevice.nativeAccess() && byRing() == 0) {
            found.add(
                    "no member is reached by io_uring: what does not end at once takes a thread of its member's lane");
        }
        return found;
    }

    private static long grown(OptionalLong now, OptionalLong before) {
        return now.isPresent() && before.isPresent() ? now.getAsLong() - before.getAsLong() : 0;
    }

    /** How many members are reached by io_uring. */
    long byRing() {
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
