package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * mdadm's mdmon, stopped or killed on its way from being woken by a write to being asleep again. Whatever it was about to do: the write ends, no generation
 * falls, no recorded failure is lost, nothing of a fenced daemon lands on a member, and the members agree.
 *
 * <p>{@code strace} counts the system calls of the monitor's thread, each kind for itself, and sends the signal when it enters a certain one; the stop
 * takes hold when that call is over, so that stopping at each of each kind in turn is stopping between any two.
 */
@Interop
class StoppedDaemonTest {

    private static final Duration DEADLINE = Duration.ofMillis(200);

    /** What is promised beyond the deadline; printed if it is passed, which a busy machine may do to anybody. */
    private static final Duration GRACE = Duration.ofSeconds(1);

    private static final Duration NOT_STOPPED = Duration.ofMillis(700);
    private static final int CALLS_LIMIT = 200;

    /** What the monitor calls while it runs. */
    private static final List<String> CALLS = List.of(
            "pselect6", "rt_sigprocmask", "fstat", "newfstatat", "lseek", "read", "write", "ioctl", "getpid", "tgkill");

    /** What it reads before it marks the array dirty, and what it writes for that, with the store of 'active'. */
    private static final int FIRST_READS = 8;

    private static final int FIRST_WRITES = 5;
    private static final int RANDOM_MOMENTS = Integer.getInteger("redoubt.mdmon.moments", 200);
    private static final long LATEST_MOMENT_NANOS = TimeUnit.MILLISECONDS.toNanos(40);
    private static final long SEED = Long.getLong("redoubt.seed", System.nanoTime());
    private static final int RAID5_LOST = 2;
    private static final int FAILED_AFTER = 20;

    private long generation;
    private long worstNanos;
    private int held;

    @BeforeAll
    static void needsPeers() {
        ForeignDaemonRig.needsPeers();
        Peer.require(Peer.STRACE);
    }

    /** A sample for every build: it is stopped at a write and killed at a read on its way, which ones says the seed. */
    @Test
    @Timeout(value = 5, unit = TimeUnit.MINUTES)
    void theWriteEndsWhereTheDaemonIsStoppedOrKilled() throws Exception {
        SplittableRandom random = new SplittableRandom(SEED);
        int write = 1 + random.nextInt(FIRST_WRITES);
        int read = 1 + random.nextInt(FIRST_READS);
        System.err.printf("redoubt.seed=%d: stopped at write %d, killed at read %d%n", SEED, write, read);
        try (Scratch scratch = Scratch.make();
                ForeignDaemonRig rig = start(scratch, Level.RAID1)) {
            Path content = Content.pattern(scratch.file("content"), 1 << 20, 1);
            assertThat(at(rig, content, "SIGSTOP", "write", write, scratch)).isTrue();
            assertThat(at(rig, content, "SIGKILL", "read", read, scratch)).isTrue();
            print();
        }
    }

    @Test
    @Tag("soak")
    @Timeout(value = 60, unit = TimeUnit.MINUTES)
    void stoppedAtEachOfItsSystemCalls() throws Exception {
        atEach("SIGSTOP");
    }

    @Test
    @Tag("soak")
    @Timeout(value = 60, unit = TimeUnit.MINUTES)
    void killedAtEachOfItsSystemCalls() throws Exception {
        atEach("SIGKILL");
    }

    /** A member is failed on the way, so that from then on there is a failure to be lost. */
    private void atEach(String signal) throws Exception {
        try (Scratch scratch = Scratch.make();
                ForeignDaemonRig rig = start(scratch, Level.RAID5)) {
            Path content = Content.pattern(scratch.file("content"), 1 << 20, 1);
            int all = 0;
            for (String name : CALLS) {
                int call = 1;
                while (at(rig, content, signal, name, call, scratch)) {
                    call++;
                    all++;
                    assertThat(call).as("it never sleeps").isLessThan(CALLS_LIMIT);
                    if (all == FAILED_AFTER) {
                        rig.store("rd" + RAID5_LOST + "/state", "faulty");
                        Await.until("the failure is recorded", ForeignDaemonRig.LIMIT, () -> failureIsRecorded(rig));
                    }
                }
                System.err.printf("%s at each of %d calls of %s%n", signal, call - 1, name);
            }
            print();
            assertThat(all).isGreaterThan(FAILED_AFTER);
            assertThat(rig.volumeField("Map State", 0)).containsExactly("degraded");
        }
    }

    private static boolean failureIsRecorded(ForeignDaemonRig rig) {
        return !rig.has("rd" + RAID5_LOST)
                || !rig.md("rd" + RAID5_LOST + "/state").contains("blocked");
    }

    @Test
    @Tag("soak")
    @Timeout(value = 60, unit = TimeUnit.MINUTES)
    void stoppedOrKilledAtRandomMoments() throws Exception {
        System.err.printf("redoubt.seed=%d%n", SEED);
        SplittableRandom random = new SplittableRandom(SEED);
        try (Scratch scratch = Scratch.make();
                ForeignDaemonRig rig = start(scratch, Level.RAID1)) {
            Path content = Content.pattern(scratch.file("content"), 1 << 20, 1);
            for (int moment = 0; moment < RANDOM_MOMENTS; moment++) {
                begin(rig);
                long start = System.nanoTime();
                Process writer = rig.write(content);
                LockSupport.parkNanos(random.nextLong(LATEST_MOMENT_NANOS));
                rig.signal(random.nextBoolean() ? "STOP" : "KILL");
                end(writer, start);
            }
            print();
        }
    }

    private static ForeignDaemonRig start(Scratch scratch, Level level) throws IOException {
        ForeignDaemonRig rig = ForeignDaemonRig.start(scratch, level, DEADLINE.toMillis() + "ms");
        rig.store("safe_mode_delay", "0.1");
        return rig;
    }

    private void print() {
        System.err.printf(
                "%d writes ended beside an mdmon that was stopped or died; the slowest after %d ms, %d promised%n",
                held,
                TimeUnit.NANOSECONDS.toMillis(worstNanos),
                DEADLINE.plus(GRACE).toMillis());
    }

    /** One round: a new daemon, one write, the signal at this call of this name. Answers whether the daemon came to make so many calls. */
    private boolean at(ForeignDaemonRig rig, Path content, String signal, String name, int call, Scratch scratch)
            throws Exception {
        begin(rig);
        long monitor = rig.monitor();
        Process strace = new ProcessBuilder(
                        Peer.STRACE.path().toString(),
                        "-p",
                        Long.toString(monitor),
                        "-o",
                        scratch.file("strace").toString(),
                        "-e",
                        "inject=" + name + ":signal=" + signal + ":when=" + call)
                .redirectErrorStream(true)
                .redirectOutput(scratch.file("strace.out").toFile())
                .start();
        try {
            Await.until(
                    "strace holds the monitor",
                    ForeignDaemonRig.LIMIT,
                    () -> Files.readString(Path.of("/proc", Long.toString(monitor), "status"))
                            .lines()
                            .noneMatch(line -> line.matches("TracerPid:\\s+0")));
            long start = System.nanoTime();
            Process writer = rig.write(content);
            end(writer, start);
            boolean met = rig.wasStopped(NOT_STOPPED);
            afterwards(rig);
            return met;
        } finally {
            strace.destroy();
            strace.waitFor();
        }
    }

    private void begin(ForeignDaemonRig rig) throws Exception {
        rig.killDaemon();
        if (rig.md("array_state").startsWith("active")) {
            rig.awaitState("clean");
        }
        generation = Math.max(generation, newest(rig));
        rig.startDaemon();
    }

    private void end(Process writer, long start) throws InterruptedException {
        assertThat(writer.waitFor(ForeignDaemonRig.LIMIT.toSeconds(), TimeUnit.SECONDS))
                .as("the write ends")
                .isTrue();
        worstNanos = Math.max(worstNanos, System.nanoTime() - start);
        held++;
        assertThat(writer.exitValue()).isZero();
    }

    /** What the daemon still does when it may go on is nothing. */
    private void afterwards(ForeignDaemonRig rig) throws Exception {
        if (rig.isStopped() && rig.standing().equals("fenced")) {
            rig.awaitState("clean");
            List<Integer> members = members(rig);
            long before = newest(rig);
            assertThat(rig.agree(members)).as("members agree").isTrue();
            rig.signal("CONT");
            Await.until("the fenced daemon has had its turn", ForeignDaemonRig.LIMIT, () -> !rig.isStopped());
            rig.ping();
            assertThat(newest(rig)).isEqualTo(before);
            assertThat(rig.agree(members)).as("members agree").isTrue();
        }
        assertThat(newest(rig)).isGreaterThanOrEqualTo(generation);
    }

    private static long newest(ForeignDaemonRig rig) {
        return members(rig).stream().mapToLong(rig::generation).max().orElseThrow();
    }

    /** Those that have not failed. */
    private static List<Integer> members(ForeignDaemonRig rig) {
        List<Integer> members = new ArrayList<>();
        IntStream.of(rig.allMembers()).filter(slot -> rig.has("rd" + slot)).forEach(members::add);
        return members;
    }
}
