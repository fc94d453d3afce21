package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;

/**
 * Goal: with not one page more to be had, and not one thread, every write ends, and soon. Method: {@code redoubt serve} in a group that runs out
 * ({@link Famine}); two clients outside it write without pause; in each famine they fall silent until the array is clean and write on, another client comes and
 * goes, and in the last one a member fails. Before that the same is measured without a famine, since what a busy machine takes is not held against us.
 */
@Interop
class MemoryFamineTest {

    private static final long LIMIT_BYTES = 600L << 20;
    private static final int BLOCK_BYTES = 4096;
    private static final Duration NORMAL = Duration.ofSeconds(5);
    private static final Duration GAP_WANTED = Duration.ofMillis(500);

    /** Far more than a busy machine takes, and far less than a famine lasts: beyond it nothing moves. */
    private static final Duration STANDSTILL = Duration.ofSeconds(3);

    /** After this it is told where everybody stands. */
    private static final Duration TELLING = Duration.ofMillis(1500);

    private static final Duration MEMBER_LIMIT = Duration.ofSeconds(2);
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final int VICTIM = 1;

    @Tag("soak") // in one famine of five or so, at its beginning, replies stand still for some seconds: not
    // understood yet
    @ParameterizedTest
    @EnumSource(names = {"RAID1", "RAID5"})
    @Timeout(value = 15, unit = TimeUnit.MINUTES)
    void everyWriteEndsWhenMemoryAndThreadsAreGone(Level level) throws Exception {
        survives(level, 3, Duration.ofSeconds(Integer.getInteger("redoubt.famine.seconds", 8)));
    }

    @Tag("soak")
    @ParameterizedTest
    @EnumSource(names = {"RAID1", "RAID5"})
    @Timeout(value = 4, unit = TimeUnit.HOURS)
    void everyWriteEndsInAHundredFamines(Level level) throws Exception {
        survives(level, 100, Duration.ofSeconds(60));
    }

    private static void survives(Level level, int famines, Duration each) throws Exception {
        try (Scratch scratch = Scratch.make();
                Famine famine = Famine.make(LIMIT_BYTES);
                Disks disks = new Disks(RedoubtArray.create(scratch, level, "--assume-clean"))) {
            Redoubt inside = disks.array.redoubt().startedBy(famine.inside());
            List<String> words =
                    new ArrayList<>(List.of("--rehearsal", "3s", "--member-timeout", MEMBER_LIMIT.toSeconds() + "s"));
            words.addAll(disks.words);
            try (RedoubtProcess served = inside.serve(words)) {
                Await.until(
                        "serving to begin",
                        PATIENCE,
                        () -> served.outcome().out().contains("nbd+unix"));
                assertThat(disks.array.health(served).at("/frozen").asString())
                        .as(served.outcome().err())
                        .isEqualTo("yes");
                try (Writer one = new Writer(served.socket(), 0);
                        Writer two = new Writer(served.socket(), 1)) {
                    one.start();
                    two.start();
                    long normal = writesIn(NORMAL, one, two);
                    Duration normalGap = longest(one, two);
                    for (int round = 1; round <= famines; round++) {
                        boolean last = round == famines;
                        boolean told = false;
                        famine.begin();
                        famine.noThreads();
                        longest(one, two);
                        long began = System.nanoTime();
                        long before = one.writes.get() + two.writes.get();
                        Visit visit = new Visit(() -> comesAndGoes(served));
                        Duration pause = fallsSilent(one, two);
                        Visit failing = new Visit(() -> {
                            if (last) {
                                fail(disks.array, served);
                            }
                        });
                        while (System.nanoTime() - began < each.toNanos()) {
                            one.expectWell();
                            two.expectWell();
                            if (!told && Math.max(one.waiting(), two.waiting()) > TELLING.toNanos()) {
                                told = true;
                                System.err.printf("%s, a write waits; meanwhile:%n%s", level, standing(served.pid()));
                            }
                            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
                        }
                        boolean real = famine.isReal();
                        long writes = one.writes.get() + two.writes.get() - before;
                        Duration gap = longest(one, two);
                        boolean visited = visit.isOver() && failing.isOver();
                        famine.end();
                        visit.expectWell();
                        failing.expectWell();
                        long seconds = each.minus(pause).toSeconds();
                        System.err.printf(
                                "%s, famine %d of %d: %d writes in %d s, %d in %d s without one; longest wait %d ms, without one %d ms; who came was %s%n",
                                level,
                                round,
                                famines,
                                writes,
                                seconds,
                                normal,
                                NORMAL.toSeconds(),
                                gap.toMillis(),
                                normalGap.toMillis(),
                                visited ? "served" : "not served before its end");
                        assertThat(real).as("the pressure was real").isTrue();
                        Duration memberLimit = last ? MEMBER_LIMIT : Duration.ZERO;
                        if (gap.compareTo(GAP_WANTED.plus(memberLimit)) > 0) {
                            System.err.printf("that is more than %s is meant to take%n", GAP_WANTED.plus(memberLimit));
                        }
                        assertThat(gap)
                                .as("the longest wait of a write")
                                .isLessThan(STANDSTILL
                                        .plus(normalGap.multipliedBy(2))
                                        .plus(memberLimit));
                        assertThat(writes).as("writes that ended").isPositive();
                    }
                    JsonNode after = disks.array.health(served);
                    System.err.printf("%s, health after the famines: %s%n", level, after);
                    for (String nothing :
                            List.of("classes_loaded", "compile_millis", "threads_started", "major_faults")) {
                        assertThat(after.at("/" + nothing).asLong()).as(nothing).isZero();
                    }
                }
                served.stop().mustSucceed();
            }
        }
    }

    /** Where the threads of a process stand in the kernel, as far as it says so (root): what they wait for if they do not go on. */
    private static String standing(long pid) {
        StringBuilder told = new StringBuilder();
        try (DirectoryStream<Path> tasks = Files.newDirectoryStream(Path.of("/proc/" + pid + "/task"))) {
            for (Path task : tasks) {
                String stat = Files.readString(task.resolve("stat"));
                String state = stat.substring(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
                String stack = Files.readString(task.resolve("stack"))
                        .lines()
                        .map(frame -> frame.replaceFirst("^\\[<.*>\\] ", ""))
                        .limit(8)
                        .collect(Collectors.joining(" < "));
                told.append("  %s %s: %s%n"
                        .formatted(state, Files.readString(task.resolve("comm")).strip(), stack));
            }
        } catch (IOException unseen) {
            told.append("  ").append(unseen).append('\n');
        }
        return told.toString();
    }

    private static long writesIn(Duration time, Writer... writers) throws Exception {
        longest(writers);
        long before =
                Arrays.stream(writers).mapToLong(each -> each.writes.get()).sum();
        long began = System.nanoTime();
        while (System.nanoTime() - began < time.toNanos()) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
        }
        for (Writer writer : writers) {
            writer.expectWell();
        }
        return Arrays.stream(writers).mapToLong(each -> each.writes.get()).sum() - before;
    }

    private static Duration longest(Writer... writers) {
        return Duration.ofNanos(
                Arrays.stream(writers).mapToLong(Writer::takeLongest).max().orElse(0));
    }

    /** The control socket promises nothing in a famine: it may hang up, and is asked again. */
    private static void fail(RedoubtArray array, RedoubtProcess served) {
        Command failing = array.redoubt()
                .command(
                        "fail",
                        "--control",
                        served.control().toString(),
                        RedoubtArray.VOLUME,
                        Integer.toString(VICTIM));
        Await.until("the member to be failed", PATIENCE, () -> failing.run().exitCode() == 0);
    }

    private static void comesAndGoes(RedoubtProcess served) throws IOException {
        try (NbdConnection client = NbdConnection.open(served.socket(), RedoubtArray.VOLUME)) {
            byte[] content = new byte[BLOCK_BYTES];
            Arrays.fill(content, (byte) 'c');
            client.write(8L << 20, content);
            client.flush();
            assertThat(client.read(8L << 20, BLOCK_BYTES)).isEqualTo(content);
        }
    }

    /** Long enough that the array becomes clean, and the next write waits for the dirty mark. */
    private static Duration fallsSilent(Writer... writers) {
        long began = System.nanoTime();
        for (Writer writer : writers) {
            writer.silent = true;
        }
        while (System.nanoTime() - began < TimeUnit.SECONDS.toNanos(1)) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
        }
        for (Writer writer : writers) {
            writer.silent = false;
        }
        return Duration.ofNanos(System.nanoTime() - began);
    }

    /** Somebody who comes in a famine. What he wants takes memory of the kernel, and may have to wait until it is over; writes may not. */
    private static final class Visit {

        /** What he does. */
        interface Errand {
            void run() throws Exception;
        }

        private final AtomicReference<Throwable> wrong = new AtomicReference<>();
        private final Thread thread;

        Visit(Errand errand) {
            thread = new Thread(() -> {
                try {
                    errand.run();
                } catch (Throwable e) {
                    wrong.set(e);
                }
            });
            thread.setDaemon(true);
            thread.start();
        }

        boolean isOver() {
            return !thread.isAlive();
        }

        void expectWell() throws InterruptedException {
            thread.join(PATIENCE.toMillis());
            if (!isOver() || wrong.get() != null) {
                throw new AssertionError("who came in the famine was not served when it was over", wrong.get());
            }
        }
    }

    /** The members of an array as block devices, past the page cache; every block of theirs is there. */
    private static final class Disks implements AutoCloseable {
        private final RedoubtArray array;
        private final List<LoopDevice> loops = new ArrayList<>();
        private final List<String> words = new ArrayList<>();

        Disks(RedoubtArray array) throws IOException {
            this.array = array;
            for (int member = 0; member < array.images().size(); member++) {
                fill(array.images().get(member));
                LoopDevice loop = LoopDevice.attach(array.images().get(member));
                loops.add(loop);
                words.add(RedoubtArray.disk(loop.device().toString(), member));
            }
        }

        private static void fill(Path image) throws IOException {
            byte[] piece = new byte[1 << 20];
            try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
                for (long at = 0; at < file.length(); at += piece.length) {
                    file.seek(at);
                    int got = file.read(piece);
                    file.seek(at);
                    file.write(piece, 0, got);
                }
            }
        }

        @Override
        public void close() {
            loops.forEach(LoopDevice::close);
        }
    }

    /** One connection that writes without pause, every sixteenth time with a flush. */
    private static final class Writer extends Thread implements AutoCloseable {
        private final NbdConnection connection;
        private final long start;
        private final AtomicLong writes = new AtomicLong();
        private final AtomicLong longestNanos = new AtomicLong();
        private final AtomicLong beganNanos = new AtomicLong();
        private final AtomicReference<Throwable> wrong = new AtomicReference<>();
        private volatile boolean silent;
        private volatile boolean stopping;

        Writer(Path socket, int number) throws IOException {
            super("writer-" + number);
            setDaemon(true);
            connection = NbdConnection.open(socket, RedoubtArray.VOLUME);
            start = number * (4L << 20);
        }

        @Override
        public void run() {
            byte[] content = new byte[BLOCK_BYTES];
            try {
                for (int i = 0; !stopping; i++) {
                    while (silent) {
                        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
                    }
                    Arrays.fill(content, (byte) i);
                    long began = System.nanoTime();
                    beganNanos.set(began);
                    connection.write(start + (long) (i % 512) * BLOCK_BYTES, content);
                    if (i % 16 == 0) {
                        connection.flush();
                    }
                    longestNanos.accumulateAndGet(System.nanoTime() - began, Math::max);
                    beganNanos.set(0);
                    writes.incrementAndGet();
                }
            } catch (Throwable e) {
                wrong.compareAndSet(null, e);
            }
        }

        /** How long the write that is under way has waited. */
        long waiting() {
            long began = beganNanos.get();
            return began == 0 ? 0 : System.nanoTime() - began;
        }

        /** The longest wait since this was asked last, with the one that is not over. */
        long takeLongest() {
            long began = beganNanos.get();
            return Math.max(longestNanos.getAndSet(0), began == 0 ? 0 : System.nanoTime() - began);
        }

        void expectWell() {
            if (wrong.get() != null) {
                throw new AssertionError(getName() + " is not served as it should be", wrong.get());
            }
        }

        @Override
        public void close() throws IOException {
            stopping = true;
            try {
                join(PATIENCE.toMillis());
            } catch (InterruptedException hurried) {
                Thread.currentThread().interrupt();
            }
            connection.close();
            expectWell();
        }
    }
}
