package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import redoubt.block.IoOperation;

/**
 * Goal: a member that hangs for ever in the kernel, in whatever call, holds no client up for longer than its time limit and a second; the
 * survivors say that it failed; {@code stop} returns; and what the clients wrote is on the survivors.
 *
 * <p>Method: {@code redoubt serve} as a process, four connections that write, read back and flush without pause, and a member on a
 * {@link HangingDisk}. The longest wait of any request is measured on every connection. What the machine itself makes a request wait is
 * measured before the member hangs, and is not held against us.
 */
@Interop
class MemberHangsTest {
    private static final int CONNECTIONS = 4;
    private static final int ROUNDS_BEFORE = 50;
    private static final int ROUNDS_AFTER = 50;
    private static final Duration TIME_LIMIT = Duration.ofSeconds(1);

    /** How long the machine itself may make a request wait: more is no measurement. */
    private static final Duration MACHINES_SHARE = Duration.ofSeconds(1);

    /** For a quiet moment. */
    private static final int TRIES = 5;

    private static final Duration PATIENCE = Duration.ofSeconds(60);

    /** Less than the usual time limit of a member, and much more than a busy machine takes. */
    private static final Duration HELD_UP = Duration.ofSeconds(15);

    private static final String SECOND_VOLUME = "w";
    private static final String CLEAN = "Dirty State : clean";

    /** The member that hangs. */
    private static final int VICTIM = 1;

    /** What the first call is that does not return. */
    enum HangsIn {
        READ(IoOperation.READ),
        WRITE(IoOperation.WRITE),
        FLUSH(IoOperation.FLUSH),
        /** The array is clean and idle, so that the first write of a client has to wait for the dirty mark. */
        METADATA_WRITE(IoOperation.WRITE);

        final IoOperation call;

        HangsIn(IoOperation call) {
            this.call = call;
        }
    }

    static Stream<Arguments> everyLevelMeansAndCall() {
        return Stream.of(Level.values())
                .filter(level -> level.isRedundant)
                .flatMap(level -> Stream.of(
                        Arguments.of(level, HangsIn.WRITE, HangingDisk.Means.FROZEN_EXT4),
                        Arguments.of(level, HangsIn.METADATA_WRITE, HangingDisk.Means.FROZEN_XFS),
                        Arguments.of(level, HangsIn.READ, HangingDisk.Means.FUSE),
                        Arguments.of(level, HangsIn.FLUSH, HangingDisk.Means.FUSE),
                        Arguments.of(level, HangsIn.WRITE, HangingDisk.Means.STOPPED_NBD)));
    }

    @Execution(ExecutionMode.CONCURRENT)
    @ParameterizedTest(name = "{0}, {1}, {2}")
    @MethodSource("everyLevelMeansAndCall")
    void clientsGoOnAndStopReturns(Level level, HangsIn hangsIn, HangingDisk.Means means) throws Exception {
        try (Scratch scratch = Scratch.make()) {
            RedoubtArray array = RedoubtArray.create(scratch, level, "--assume-clean");
            try (HangingDisk victim = HangingDisk.make(means, array.images().get(VICTIM), scratch, hangsIn.call);
                    RedoubtProcess served = serve(array, victim, "--member-timeout", TIME_LIMIT.toMillis() + "ms");
                    HangingDisk.Release _ = victim.releasedFirst();
                    Load load = new Load(served.socket(), RedoubtArray.VOLUME)) {
                if (hangsIn != HangsIn.METADATA_WRITE) {
                    load.start();
                    load.awaitRounds(ROUNDS_BEFORE);
                }
                Duration longestBefore = load.takeLongest();
                for (int i = 1; i < TRIES && longestBefore.compareTo(MACHINES_SHARE) >= 0; i++) {
                    load.awaitRounds(ROUNDS_BEFORE);
                    longestBefore = load.takeLongest();
                }
                assertThat(longestBefore)
                        .as("the longest wait while nothing hangs")
                        .isLessThan(MACHINES_SHARE);
                victim.hang();
                if (hangsIn == HangsIn.METADATA_WRITE) {
                    load.start();
                }
                Await.until(
                        "the failure to be announced",
                        PATIENCE,
                        () -> load.isBroken() || served.outcome().err().contains(": Fail "));
                load.awaitRounds(ROUNDS_AFTER);
                load.finish();
                Duration longest = load.takeLongest();
                System.err.printf(
                        "%s, %s hangs, %s: longest wait %d ms, before that %d ms, with a time limit of %d ms%n",
                        level, hangsIn, means, longest.toMillis(), longestBefore.toMillis(), TIME_LIMIT.toMillis());
                assertThat(longest)
                        .as("the longest wait of a client")
                        .isLessThan(TIME_LIMIT.plusSeconds(1).plus(longestBefore));

                // Stopped while the calls still hang: by the verb, since a process ends only when its threads come
                // back.
                array.redoubt()
                        .command("stop", "--control", served.control().toString(), RedoubtArray.VOLUME)
                        .run()
                        .mustSucceed();
                List<String> survivors = array.disksWithout(VICTIM);
                expectFailureRecorded(array, survivors, 1);
                try (RedoubtProcess again = array.serveWithout(VICTIM, "--allow-degraded")) {
                    load.expectContent(again.socket());
                    again.stop().mustSucceed();
                }
                victim.release();
                served.stop().mustSucceed();
            }
        }
    }

    /**
     * Goal: the calls that hung leave nothing behind when they return at last. Method: the server's threads and descriptors, counted in /proc before
     * and after, while it goes on serving.
     */
    @ParameterizedTest
    @EnumSource
    void whatHungLeavesNothingBehindWhenItReturns(HangingDisk.Means means) throws Exception {
        try (Scratch scratch = Scratch.make()) {
            RedoubtArray array = RedoubtArray.create(scratch, Level.RAID1, "--assume-clean");
            try (HangingDisk victim = HangingDisk.make(means, array.images().get(VICTIM), scratch, IoOperation.WRITE);
                    RedoubtProcess served = serve(array, victim, "--member-timeout", TIME_LIMIT.toMillis() + "ms");
                    HangingDisk.Release _ = victim.releasedFirst();
                    Load load = new Load(served.socket(), RedoubtArray.VOLUME)) {
                load.start();
                load.awaitRounds(ROUNDS_BEFORE);
                long threads = served.threads();
                long descriptors = served.descriptors();
                victim.hang();
                Await.until(
                        "the failure to be announced",
                        PATIENCE,
                        () -> load.isBroken() || served.outcome().err().contains(": Fail "));
                load.awaitRounds(ROUNDS_AFTER);
                victim.release();
                Await.until("the descriptors to be closed", PATIENCE, () -> served.descriptors() <= descriptors);
                // The virtual machine may have started a compiler or two.
                Await.until("the threads to be back", PATIENCE, () -> served.threads() <= threads + 3);
                load.awaitRounds(ROUNDS_AFTER);
                load.finish();
                served.stop().mustSucceed();
            }
        }
    }

    /**
     * Goal: a member that was taken out before it hangs is nobody's business any more, neither when the array is marked dirty or clean nor at
     * the stop. Method: with the usual time limit of 30 s, which a single call to that member would take.
     */
    @Tag("soak")
    @Test
    void aMemberThatHadFailedBeforeItHangsHoldsNobodyUp() throws Exception {
        try (Scratch scratch = Scratch.make()) {
            RedoubtArray array = RedoubtArray.create(scratch, Level.RAID5, "--assume-clean");
            failThenHang(scratch, array, List.of(RedoubtArray.VOLUME));
        }
    }

    @Test
    void aMemberOfTwoVolumesThatHadFailedInOneHoldsNobodyUpInEither() throws Exception {
        try (Scratch scratch = Scratch.make()) {
            RedoubtArray array = RedoubtArray.createTwoMirrors(scratch, SECOND_VOLUME, "--assume-clean");
            failThenHang(scratch, array, List.of(RedoubtArray.VOLUME, SECOND_VOLUME));
        }
    }

    private static void failThenHang(Scratch scratch, RedoubtArray array, List<String> volumes) throws Exception {
        Path image = array.images().get(VICTIM);
        try (HangingDisk victim = HangingDisk.make(HangingDisk.Means.STOPPED_NBD, image, scratch, IoOperation.WRITE);
                RedoubtProcess served = serve(array, victim);
                HangingDisk.Release _ = victim.releasedFirst()) {
            String control = served.control().toString();
            array.redoubt()
                    .command("fail", "--control", control, volumes.getFirst(), LinuxGuest.device(VICTIM))
                    .run()
                    .mustSucceed();
            victim.hang();
            List<String> survivors = array.disksWithout(VICTIM);
            for (String volume : volumes) {
                try (Load load = new Load(served.socket(), volume)) {
                    load.start();
                    load.awaitRounds(ROUNDS_AFTER);
                    load.finish();
                    expectNotHeldUp(volume + ", four clients", load.takeLongest());
                }
            }
            Await.until(
                    "the survivors to be marked clean",
                    PATIENCE,
                    () -> lines(examined(array, survivors), CLEAN) == (long) survivors.size() * volumes.size());
            for (String volume : volumes) {
                try (NbdConnection connection = NbdConnection.open(served.socket(), volume)) {
                    long began = System.nanoTime();
                    connection.write(0, new byte[512]);
                    connection.flush();
                    expectNotHeldUp(
                            volume + ", the first write after a pause", Duration.ofNanos(System.nanoTime() - began));
                }
            }
            array.redoubt()
                    .command("stop", "--control", control, volumes.getFirst())
                    .run()
                    .mustSucceed();
            expectFailureRecorded(array, survivors, volumes.size());
            victim.release();
            served.stop().mustSucceed();
        }
    }

    private static void expectNotHeldUp(String who, Duration longest) {
        System.err.printf("a member hangs that had failed before; %s: longest wait %d ms%n", who, longest.toMillis());
        assertThat(longest).as(who).isLessThan(HELD_UP);
    }

    private static RedoubtProcess serve(RedoubtArray array, HangingDisk victim, String... more) {
        List<String> words = new ArrayList<>(array.disks());
        words.set(VICTIM, RedoubtArray.disk(victim.location(), VICTIM));
        words.addAll(List.of(more));
        return array.redoubt().serve(words);
    }

    private static void expectFailureRecorded(RedoubtArray array, List<String> survivors, int volumes) {
        String told = examined(array, survivors);
        for (String said : List.of("Failed disk : %d".formatted(VICTIM), CLEAN)) {
            assertThat(lines(told, said))
                    .as("each survivor says '%s':%n%s", said, told)
                    .isEqualTo((long) survivors.size() * volumes);
        }
    }

    private static String examined(RedoubtArray array, List<String> disks) {
        List<String> words = new ArrayList<>(disks);
        words.addFirst("examine");
        return array.redoubt().command(words).run().mustSucceed().out();
    }

    private static long lines(String told, String said) {
        return told.lines().filter(line -> line.strip().equals(said)).count();
    }

    /** Four connections, each with a range of its own, whose content it knows. */
    private static final class Load implements AutoCloseable {
        private static final int BLOCK_BYTES = 512;
        private static final int LONGEST_BLOCKS = 64;
        private static final int FLUSHED_ONE_IN = 8;

        /** Large enough that reads find places which no cache has seen. */
        private static final int RANGE_BYTES = 4 << 20;

        private final List<Worker> workers = new ArrayList<>();
        private final AtomicBoolean stopping = new AtomicBoolean();
        private final AtomicReference<Throwable> wrong = new AtomicReference<>();
        private final AtomicLong longestNanos = new AtomicLong();

        private final String volume;

        Load(Path socket, String volume) throws IOException {
            this.volume = volume;
            for (int number = 0; number < CONNECTIONS; number++) {
                workers.add(new Worker(number, NbdConnection.open(socket, volume)));
            }
        }

        void start() {
            workers.forEach(Thread::start);
        }

        /** Until every connection has done so many more rounds. */
        void awaitRounds(int more) throws InterruptedException {
            for (Worker worker : workers) {
                long target = worker.rounds.get() + more;
                Await.until(
                        "%d more rounds of %s".formatted(more, worker.getName()),
                        PATIENCE,
                        () -> worker.rounds.get() >= target || isBroken());
            }
            if (isBroken()) {
                finish();
            }
        }

        boolean isBroken() {
            return wrong.get() != null;
        }

        /** The longest wait of any request since this was asked last. */
        Duration takeLongest() {
            return Duration.ofNanos(longestNanos.getAndSet(0));
        }

        /** Ends all connections in good order, after each has read all that it wrote. */
        void finish() throws InterruptedException {
            stopping.set(true);
            for (Worker worker : workers) {
                worker.join(PATIENCE.toMillis());
                assertThat(worker.isAlive()).as(worker.getName()).isFalse();
            }
            if (wrong.get() != null) {
                throw new AssertionError("a client is not served as it should be", wrong.get());
            }
        }

        /** Everything that was written is read from the volume that is served here. */
        void expectContent(Path socket) throws IOException {
            try (NbdConnection connection = NbdConnection.open(socket, volume)) {
                for (Worker worker : workers) {
                    worker.check(connection);
                }
            }
        }

        @Override
        public void close() {
            stopping.set(true);
        }

        /** One connection's thread. */
        private final class Worker extends Thread {
            private final NbdConnection connection;
            private final SplittableRandom random;
            private final long start;
            private final byte[] model;
            private final AtomicLong rounds = new AtomicLong();

            Worker(int number, NbdConnection connection) {
                super("connection-" + number);
                this.connection = connection;
                this.random = new SplittableRandom(number);
                int most = BLOCK_BYTES * LONGEST_BLOCKS;
                long share = connection.size() / CONNECTIONS / most * most;
                this.start = share * number;
                this.model = new byte[(int) Math.min(RANGE_BYTES, share)];
            }

            @Override
            public void run() {
                try (connection) {
                    while (!stopping.get()) {
                        round();
                        rounds.incrementAndGet();
                    }
                    check(connection);
                } catch (Throwable e) {
                    wrong.compareAndSet(null, e);
                }
            }

            private void round() throws IOException {
                byte[] bytes = new byte[BLOCK_BYTES * (1 + random.nextInt(LONGEST_BLOCKS))];
                random.nextBytes(bytes);
                int at = place(bytes.length);
                timed(() -> connection.write(start + at, bytes));
                System.arraycopy(bytes, 0, model, at, bytes.length);
                timed(() -> expect(connection, at, bytes.length));
                int elsewhere = place(bytes.length);
                timed(() -> expect(connection, elsewhere, bytes.length));
                if (random.nextInt(FLUSHED_ONE_IN) == 0) {
                    timed(connection::flush);
                }
            }

            private int place(int length) {
                return BLOCK_BYTES * random.nextInt((model.length - length) / BLOCK_BYTES + 1);
            }

            private void timed(Wish wish) throws IOException {
                long began = System.nanoTime();
                wish.isGranted();
                longestNanos.accumulateAndGet(System.nanoTime() - began, Math::max);
            }

            private void expect(NbdConnection where, int at, int length) throws IOException {
                byte[] found = where.read(start + at, length);
                assertThat(Arrays.mismatch(found, 0, length, model, at, at + length))
                        .as("first difference after byte %d", start + at)
                        .isEqualTo(-1);
            }

            void check(NbdConnection where) throws IOException {
                for (int at = 0; at < model.length; at += BLOCK_BYTES * LONGEST_BLOCKS) {
                    expect(where, at, BLOCK_BYTES * LONGEST_BLOCKS);
                }
            }
        }

        /** Something asked of a server. */
        @FunctionalInterface
        private interface Wish {
            void isGranted() throws IOException;
        }
    }
}
