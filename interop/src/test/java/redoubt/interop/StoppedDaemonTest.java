package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import redoubt.base.Clock;

/**
 * mdadm's mdmon, and ours, stopped or killed on the way from being woken by a write to being asleep again. Whatever it was about to do: the write ends, no
 * generation falls, no recorded failure is lost, nothing of a fenced daemon lands on a member, and the members agree.
 *
 * <p>{@code strace} counts the system calls of one thread, each kind for itself, and sends the signal when it enters a certain one; the stop
 * takes hold when that call is over, so that stopping at each of each kind in turn is stopping between any two. That thread is the monitor's, which
 * does all there is to do between being woken and being asleep. Ours has its doors written by a thread each, and waits for them meanwhile: so
 * these threads are stopped too, at each thing they send. What else they call they call all the time, whether or not something happens; and the threads
 * of the virtual machine know nothing of metadata.
 */
@Interop
class StoppedDaemonTest {

    private static final Duration DEADLINE = Duration.ofMillis(200);

    /** What is promised beyond the deadline; printed if it is passed, which a busy machine may do to anybody. */
    private static final Duration GRACE = Duration.ofSeconds(1);

    private static final Duration NOT_STOPPED = Duration.ofMillis(700);
    private static final int CALLS_LIMIT = 200;
    private static final int TRIES = 50;

    /** What the monitor calls while it runs. */
    private static final List<String> CALLS = List.of(
            "pselect6", "rt_sigprocmask", "fstat", "newfstatat", "lseek", "read", "write", "ioctl", "getpid", "tgkill");

    /** What ours calls: its sleep, what it asks and hears, what it waits for, and classes that it meets for the first time. */
    private static final List<String> OUR_CALLS =
            List.of("write", "read", "epoll_wait", "futex", "lseek", "pread64", "mmap", "munmap", "mprotect");

    /** And where attributes are files. */
    private static final List<String> OUR_CALLS_OF_A_MOUNT =
            List.of("write", "openat", "pread64", "close", "poll", "futex", "read", "lseek", "mmap");

    /** In the place of a door's number. */
    private static final int MONITOR = -1;

    /** What it reads before it marks the array dirty, and what it writes for that, with the store of 'active'. */
    private static final int FIRST_READS = 8;

    private static final int FIRST_WRITES = 5;
    private static final int RANDOM_MOMENTS = Integer.getInteger("redoubt.mdmon.moments", 200);
    private static final long LATEST_MOMENT_NANOS = TimeUnit.MILLISECONDS.toNanos(250); // until it has called it clean
    private static final long SEED = Long.getLong("redoubt.seed", System.nanoTime());
    private static final int RAID5_LOST = 2;
    private static final int FAILED_AFTER = 20;
    private static final int SAMPLED_MOMENTS = 6;
    private static final int STARVED_ROUNDS = 3;
    private static final int SAMPLE_FAILED_AFTER = 2;

    private final Map<Integer, Long> generations = new TreeMap<>(); // by member
    private long worstNanos;
    private String worstCourse = "";
    private int ended;
    private int late;
    private int fenced;
    private boolean failed; // a member, and that is recorded

    @BeforeAll
    static void needsPeers() {
        DaemonRig.needsPeers();
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
                DaemonRig rig = start(scratch, Level.RAID1, DaemonRig.Whose.MDADMS)) {
            Path content = Content.pattern(scratch.file("content"), 1 << 20, 1);
            assertThat(at(rig, content, "SIGSTOP", new Calls(MONITOR, "write"), write, scratch))
                    .isTrue();
            assertThat(at(rig, content, "SIGKILL", new Calls(MONITOR, "read"), read, scratch))
                    .isTrue();
            print();
            expectContent(rig, content);
        }
    }

    /** The same of ours, at moments that the seed chooses. */
    @Test
    @Timeout(value = 5, unit = TimeUnit.MINUTES)
    void theWriteEndsWhereOurDaemonIsStoppedOrKilled() throws Exception {
        atRandomMoments(DaemonRig.Whose.OURS, SAMPLED_MOMENTS, SAMPLE_FAILED_AFTER, SplittableRandom::nextBoolean);
    }

    /** It is not stopped, and does not come to run: a thousandth of a processor is what it has while a client writes. */
    @ParameterizedTest
    @EnumSource(names = {"MDADMS", "OURS"})
    @Timeout(value = 5, unit = TimeUnit.MINUTES)
    void theWriteEndsWhereTheDaemonStarves(DaemonRig.Whose whose) throws Exception {
        try (Scratch scratch = Scratch.make();
                Starvation starvation = Starvation.make();
                DaemonRig rig = start(scratch, Level.RAID1, whose)) {
            Path content = Content.pattern(scratch.file("content"), 1 << 20, 1);
            for (int round = 0; round < STARVED_ROUNDS; round++) {
                begin(rig);
                starvation.takes(rig.pid());
                long start = System.nanoTime();
                end(rig, rig.write(content), start);
                starvation.release();
                afterwards(rig);
            }
            print();
            expectContent(rig, content);
            assertThat(starvation.throttled()).as("how often it wanted to run").isPositive();
            assertThat(fenced).as("how often it was late").isPositive();
        }
    }

    @ParameterizedTest
    @EnumSource
    @Tag("soak")
    @Timeout(value = 90, unit = TimeUnit.MINUTES)
    void stoppedAtEachOfItsSystemCalls(DaemonRig.Whose whose) throws Exception {
        atEach(whose, "SIGSTOP");
    }

    @ParameterizedTest
    @EnumSource
    @Tag("soak")
    @Timeout(value = 90, unit = TimeUnit.MINUTES)
    void killedAtEachOfItsSystemCalls(DaemonRig.Whose whose) throws Exception {
        atEach(whose, "SIGKILL");
    }

    /**
     * The calls of one name, of one thread.
     *
     * @param door whose thread it is, or the monitor's
     */
    private record Calls(int door, String name) {

        long thread(DaemonRig rig) {
            return door == MONITOR ? rig.monitor() : rig.door(door);
        }

        @Override
        public String toString() {
            return (door == MONITOR ? "the monitor's " : "door " + door + "'s ") + name;
        }
    }

    private static List<Calls> calls(DaemonRig.Whose whose) {
        List<Calls> calls = new ArrayList<>();
        switch (whose) {
            case MDADMS -> CALLS.forEach(name -> calls.add(new Calls(MONITOR, name)));
            case OURS -> {
                addDoors(calls, List.of("write"));
                OUR_CALLS.forEach(name -> calls.add(new Calls(MONITOR, name)));
            }
            case OURS_MOUNTED -> {
                addDoors(calls, List.of("pwrite64", "fdatasync"));
                OUR_CALLS_OF_A_MOUNT.forEach(name -> calls.add(new Calls(MONITOR, name)));
            }
        }
        return calls;
    }

    /** First, while all members are there. */
    private static void addDoors(List<Calls> calls, List<String> names) {
        for (int door = 0; door < Level.RAID5.members; door++) {
            for (String name : names) {
                calls.add(new Calls(door, name));
            }
        }
    }

    /** A member is failed on the way, so that from then on there is a failure to be lost. */
    private void atEach(DaemonRig.Whose whose, String signal) throws Exception {
        try (Scratch scratch = Scratch.make();
                DaemonRig rig = start(scratch, Level.RAID5, whose)) {
            Path content = Content.pattern(scratch.file("content"), 1 << 20, 1);
            int all = 0;
            for (Calls calls : calls(whose)) {
                int call = 1;
                while (at(rig, content, signal, calls, call, scratch)) {
                    call++;
                    all++;
                    assertThat(call).as("it never sleeps").isLessThan(CALLS_LIMIT);
                    if (all == FAILED_AFTER) {
                        fail(rig);
                    }
                }
                System.err.printf("%s at each of %d of %s%n", signal, call - 1, calls);
            }
            print();
            expectContent(rig, content);
            assertThat(all).isGreaterThan(FAILED_AFTER);
            assertThat(rig.volumeField("Map State", 0)).containsExactly("degraded");
        }
    }

    private void fail(DaemonRig rig) throws Exception {
        rig.store("rd" + RAID5_LOST + "/state", "faulty");
        Await.until("the failure is recorded", DaemonRig.LIMIT, () -> failureIsRecorded(rig));
        failed = true;
    }

    private static boolean failureIsRecorded(DaemonRig rig) {
        if (!rig.has("rd" + RAID5_LOST)) {
            return true;
        }
        String state = rig.md("rd" + RAID5_LOST + "/state");
        return state.contains("faulty") && !state.contains("blocked");
    }

    @ParameterizedTest
    @EnumSource
    @Tag("soak")
    @Timeout(value = 60, unit = TimeUnit.MINUTES)
    void stoppedAtRandomMoments(DaemonRig.Whose whose) throws Exception {
        atRandomMoments(whose, RANDOM_MOMENTS, FAILED_AFTER, random -> true);
    }

    @ParameterizedTest
    @EnumSource
    @Tag("soak")
    @Timeout(value = 60, unit = TimeUnit.MINUTES)
    void killedAtRandomMoments(DaemonRig.Whose whose) throws Exception {
        atRandomMoments(whose, RANDOM_MOMENTS, FAILED_AFTER, random -> false);
    }

    /** A member is failed on the way here as well. */
    private void atRandomMoments(
            DaemonRig.Whose whose, int moments, int failedAfter, Predicate<SplittableRandom> isStopped)
            throws Exception {
        System.err.printf("redoubt.seed=%d%n", SEED);
        SplittableRandom random = new SplittableRandom(SEED);
        try (Scratch scratch = Scratch.make();
                DaemonRig rig = start(scratch, Level.RAID5, whose)) {
            Path content = Content.pattern(scratch.file("content"), 1 << 20, 1);
            for (int moment = 0; moment < moments; moment++) {
                begin(rig);
                if (moment == failedAfter) {
                    fail(rig);
                }
                long start = System.nanoTime();
                Process writer = rig.write(content);
                LockSupport.parkNanos(random.nextLong(LATEST_MOMENT_NANOS));
                boolean stops = isStopped.test(random);
                rig.signal(stops ? "STOP" : "KILL");
                end(rig, writer, start);
                Await.until("the signal", DaemonRig.LIMIT, () -> (stops && rig.isStopped()) || !rig.isAlive());
                afterwards(rig);
            }
            print();
            expectContent(rig, content);
            assertThat(failed).isTrue();
        }
    }

    /** Where a member has failed by then, what was on it is made from the others and their parity. */
    private static void expectContent(DaemonRig rig, Path written) throws IOException {
        byte[] wanted = Files.readAllBytes(written);
        assertThat(rig.content(wanted.length)).isEqualTo(wanted);
    }

    private static DaemonRig start(Scratch scratch, Level level, DaemonRig.Whose whose) throws IOException {
        DaemonRig rig = DaemonRig.start(scratch, level, DEADLINE.toMillis() + "ms", whose);
        rig.store("safe_mode_delay", "0.1");
        return rig;
    }

    private void print() {
        System.err.printf(
                "%d writes ended beside a daemon that was stopped or died, %d times it was fenced; the slowest after %d ms (%s), %d promised, %d later%n",
                ended,
                fenced,
                TimeUnit.NANOSECONDS.toMillis(worstNanos),
                worstCourse,
                DEADLINE.plus(GRACE).toMillis(),
                late);
    }

    /** What became of a daemon that was to be stopped. */
    private enum Came {
        STOPPED,
        ASLEEP,
        LATE
    }

    /** The signal at this call of this name. Answers whether the daemon came to make so many calls; one that was late by itself is no answer. */
    private boolean at(DaemonRig rig, Path content, String signal, Calls calls, int call, Scratch scratch)
            throws Exception {
        for (int tries = 0; tries < TRIES; tries++) {
            Came came = round(rig, content, signal, calls, call, scratch);
            if (came != Came.LATE) {
                return came == Came.STOPPED;
            }
        }
        throw new AssertionError("a daemon under strace misses its deadline every time");
    }

    /** One round: a daemon, one write, the signal. */
    private Came round(DaemonRig rig, Path content, String signal, Calls calls, int call, Scratch scratch)
            throws Exception {
        begin(rig);
        long thread = calls.thread(rig);
        Strace strace = Strace.beside(
                thread,
                () -> !rig.isAlive(),
                scratch.file("strace"),
                "-e",
                "inject=" + calls.name() + ":signal=" + signal + ":when=" + call);
        try {
            long start = System.nanoTime();
            Process writer = rig.write(content);
            end(rig, writer, start);
            Await.until(
                    "the stop, or that it is not to come",
                    DaemonRig.LIMIT,
                    () -> rig.isStopped() || !rig.isAlive() || saysClean(rig));
            boolean met = rig.wasStopped(NOT_STOPPED);
            afterwards(rig);
            if (met) {
                return Came.STOPPED;
            }
            return rig.isKeeping() ? Came.ASLEEP : Came.LATE;
        } finally {
            strace.close();
            rig.killDaemon(); // it may have met the signal after all
        }
    }

    private void begin(DaemonRig rig) throws Exception {
        rig.awaitStates("readonly", "read-auto", "clean");
        lookAtGenerations(rig);
        if (!rig.isKeeping()) {
            rig.killDaemon();
            rig.startDaemon();
        }
    }

    private void end(DaemonRig rig, Process writer, long start) throws InterruptedException {
        assertThat(writer.waitFor(DaemonRig.LIMIT.toSeconds(), TimeUnit.SECONDS))
                .as("the write ends")
                .isTrue();
        long took = System.nanoTime() - start;
        if (took > worstNanos) {
            worstNanos = took;
            worstCourse = rig.keeperEvents(Clock.system().wallTime().minusNanos(took));
        }
        late += took > DEADLINE.plus(GRACE).toNanos() ? 1 : 0;
        ended++;
        assertThat(writer.exitValue()).isZero();
    }

    /** What the daemon still does when it may go on is nothing if it was fenced; else it goes on as if nothing had been. */
    private void afterwards(DaemonRig rig) throws Exception {
        boolean stopped = rig.isStopped();
        if (!stopped && !rig.isAlive()) { // nothing need be asked of it for that
            Await.until(
                    "the engine has seen that it died",
                    DaemonRig.LIMIT,
                    () -> rig.standing().equals("fenced"));
        }
        boolean wasFenced = rig.standing().equals("fenced");
        fenced += wasFenced ? 1 : 0;
        if (stopped && wasFenced) {
            rig.awaitState("clean");
            awaitAgreement(rig);
            List<byte[]> before = metadata(rig);
            rig.signal("CONT");
            Await.until("the fenced daemon has had its turn", DaemonRig.LIMIT, () -> !rig.isStopped());
            rig.letItHaveItsTurn();
            assertThat(metadata(rig)).as("what members carry").containsExactlyElementsOf(before);
        } else if (stopped) {
            rig.signal("CONT");
        }
        rig.awaitState("clean");
        awaitAgreement(rig);
        lookAtGenerations(rig);
        if (failed) {
            assertThat(rig.volumeField("Map State", 0)).containsExactly("degraded");
        }
    }

    /** Metadata is marked clean a moment after the array is called so. */
    private static void awaitAgreement(DaemonRig rig) {
        Await.until("the members agree, and say clean", DaemonRig.LIMIT, () -> saysClean(rig));
    }

    private static boolean saysClean(DaemonRig rig) {
        List<Integer> members = members(rig);
        return rig.md("array_state").equals("clean")
                && rig.agree(members)
                && rig.volumeField("Dirty State", members.getFirst()).equals(List.of("clean"));
    }

    private static List<byte[]> metadata(DaemonRig rig) {
        return IntStream.of(rig.allMembers()).mapToObj(rig::metadata).toList();
    }

    private void lookAtGenerations(DaemonRig rig) {
        for (int member : members(rig)) {
            long now = rig.generation(member);
            assertThat(now)
                    .as("generation on member %d", member)
                    .isGreaterThanOrEqualTo(generations.getOrDefault(member, 0L));
            generations.put(member, now);
        }
    }

    /** Those that have not failed. */
    private static List<Integer> members(DaemonRig rig) {
        List<Integer> members = new ArrayList<>();
        IntStream.of(rig.allMembers())
                .filter(slot -> rig.has("rd" + slot))
                .filter(slot -> !rig.md("rd" + slot + "/state").contains("faulty")) // who removes it may have died
                .forEach(members::add);
        return members;
    }
}
