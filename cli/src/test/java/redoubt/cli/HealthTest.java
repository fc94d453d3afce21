package redoubt.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import redoubt.base.Beat;
import redoubt.base.Clock;
import redoubt.base.Heartbeat;
import redoubt.block.IoMemory;
import redoubt.nbd.NbdServerStatus;

/** What is measured in a process, told apart from what cannot be, and the sentences that follow. */
class HealthTest {

    private static final NbdServerStatus IDLE = new NbdServerStatus(0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, true);

    @TempDir
    Path process;

    /** A heartbeat that beats when the test says so. */
    private static final class HeldBeat implements Heartbeat {
        @Override
        public void register(Beat beat) {}

        @Override
        public void unregister(Beat beat) {}

        @Override
        public Clock clock() {
            return Clock.system();
        }
    }

    private Health health() {
        return health(Precautions.none());
    }

    private Health health(Precautions taken) {
        Health health = new Health(
                new HeldBeat(),
                process,
                new IoMemory(new IoMemory.Cut(4096, 4, 1)),
                List.of(),
                () -> IDLE,
                null,
                false,
                false);
        health.begin(taken);
        return health;
    }

    private void write(String status, String stat, String... threads) throws IOException {
        Files.writeString(process.resolve("status"), status);
        Files.writeString(process.resolve("stat"), stat);
        for (int i = 0; i < threads.length; i++) {
            Path task = Files.createDirectories(process.resolve("task").resolve(Integer.toString(i + 1)));
            Files.writeString(task.resolve("stat"), threads[i]);
        }
    }

    private static String stat(long flags, long minor, long major) {
        return "7 (a (b) c) S 1 7 7 0 -1 %d %d 0 %d 0 1 2\n".formatted(flags, minor, major);
    }

    @Test
    void procIsReadByItsOwnRules() throws IOException {
        write(
                "Name:\tVmLck: 9 kB\nVmLck:\t      12 kB\nVmRSS:\t  100 kB\nVmSwap:\t 0 kB\n",
                stat(0, 11, 3),
                stat(0x40180040L, 1, 1),
                stat(0x40100040L, 1, 1),
                stat(0x40080040L, 1, 1));
        ProcessFacts facts = ProcessFacts.of(process);
        assertThat(facts.lockedBytes()).hasValue(12 << 10);
        assertThat(facts.residentBytes()).hasValue(100 << 10);
        assertThat(facts.swappedBytes()).hasValue(0);
        assertThat(facts.minorFaults()).hasValue(11);
        assertThat(facts.majorFaults()).hasValue(3);
        assertThat(facts.threads()).hasValue(3);
        assertThat(facts.flusherThreads()).hasValue(1);
    }

    /** By a fake /proc, since few machines that run tests have all the rights. */
    @Test
    void aProcessWithAllPrecautionsIsSafeUntilItNeedsSomethingNew() throws IOException {
        Precautions taken = new Precautions(Optional.empty(), Optional.empty());
        Files.writeString(process.resolve("oom_score_adj"), "-1000\n");
        write("VmLck: 9000 kB\nVmSwap: 0 kB\n", stat(0, 100, 10), stat(0x180000, 0, 0));
        Health health = health(taken);
        assertThat(health.unsafe())
                .as("what this test's own machine does in the meantime is left out")
                .allMatch(reason -> reason.contains("classes were") || reason.contains("compiling"));

        Files.writeString(process.resolve("oom_score_adj"), "0\n");
        write("VmLck: 0 kB\nVmSwap: 4 kB\n", stat(0, 102, 11), stat(0x180000, 0, 0), stat(0x100000, 0, 0));
        assertThat(health.unsafe())
                .anyMatch(reason -> reason.startsWith("memory was locked, but"))
                .anyMatch(reason -> reason.startsWith("1 of 2 threads are not marked"))
                .anyMatch(reason -> reason.startsWith("this process may be killed"))
                .anyMatch(reason -> reason.startsWith("1 pages had to be read"))
                .anyMatch(reason -> reason.startsWith("2 pages had to be found"))
                .anyMatch(reason -> reason.startsWith("4096 bytes of this process are in swap"));
        assertThat(health.measured()).containsEntry("state", "unsafe").containsEntry("oom_score_adj", "0");
        assertThat(health.measured())
                .as("not all of what is only read is locked")
                .containsEntry("memory_lock", "writable+used");
    }

    /** What a systemd unit says (OOMScoreAdjust) is somebody's wish, if it makes the process less likely to be killed. */
    @Test
    void aProcessThatIsSparedSomewhatAlreadyStaysAsItIs() throws IOException {
        Path score = process.resolve("oom_score_adj");
        for (String kept : List.of("-900\n", "-1000\n", "-1\n")) {
            Files.writeString(score, kept);
            Precautions.spare(score);
            assertThat(score).hasContent(kept);
        }
        for (String usual : List.of("0\n", "200\n", "1000\n")) {
            Files.writeString(score, usual);
            Precautions.spare(score);
            assertThat(score).hasContent("-1000");
        }
    }

    @Test
    void aServerWithoutAReserveForRepliesIsUnsafe() {
        NbdServerStatus none = new NbdServerStatus(0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, false);
        Health health = new Health(
                new HeldBeat(),
                process,
                new IoMemory(new IoMemory.Cut(4096, 4, 1)),
                List.of(),
                () -> none,
                null,
                false,
                false);
        assertThat(health.unsafe()).anyMatch(reason -> reason.startsWith("there is no memory in reserve for replies"));
        assertThat(health().unsafe()).noneMatch(reason -> reason.contains("in reserve"));
    }

    /** Locking what comes later, under a limit, would let it fail when it comes. */
    @Test
    void memoryIsOnlyLockedWhereAllOfItMayBe() throws IOException {
        write("CapEff:\t000001ffffffbfff\n", stat(0, 0, 0));
        String limit = "Max locked memory         8388608              unlimited            bytes     \n";
        Files.writeString(process.resolve("limits"), limit);
        assertThat(ProcessFacts.of(process).mayLock()).isFalse();
        assertThat(Precautions.lock(ProcessFacts.of(process)))
                .hasValueSatisfying(why -> assertThat(why).contains("LimitMEMLOCK=infinity"));
        Files.writeString(process.resolve("limits"), limit.replace("8388608  ", "unlimited"));
        assertThat(ProcessFacts.of(process).mayLock()).isTrue();
        Files.writeString(process.resolve("limits"), limit);
        write("CapEff:\t0000000000004000\n", stat(0, 0, 0));
        assertThat(ProcessFacts.of(process).mayLock()).isTrue();
    }

    @Test
    void countsBeginWhenServingBegins() throws IOException {
        write("VmLck: 4 kB\n", stat(0, 100, 10), stat(0x180000, 0, 0));
        Health health = health();
        write("VmLck: 4 kB\n", stat(0, 107, 11));
        assertThat(health.measured())
                .containsAllEntriesOf(Map.of(
                        "minor_faults", "7",
                        "major_faults", "1",
                        "memory_locked_bytes", "4096",
                        "memory_swapped_bytes", "unknown",
                        "threads_io_flusher", "1",
                        "buffers", "4"));
        assertThat(health.notPromised())
                .noneMatch(sentence -> sentence.contains("locked:") || sentence.contains("flusher"));
    }

    @Test
    void whatCannotBeSeenIsUnknownAndNotZero() {
        Health health = health();
        assertThat(health.measured())
                .containsAllEntriesOf(Map.of(
                        "memory_locked_bytes", "unknown",
                        "threads", "unknown",
                        "major_faults", "unknown"));
        assertThat(health.notPromised()).anyMatch(sentence -> sentence.contains("cannot be seen"));
    }

    @Test
    void whatDoesNotHoldIsSaid() throws IOException {
        write("VmLck: 0 kB\n", stat(0, 0, 0), stat(0, 0, 0), stat(0x180000, 0, 0));
        assertThat(health().notPromised())
                .anyMatch(sentence -> sentence.startsWith("memory is not locked"))
                .anyMatch(sentence -> sentence.startsWith("1 of 2 threads are not marked"));
    }

    @Test
    void theWorstGapIsKept() {
        Health health = health();
        long now = System.nanoTime();
        health.beat(now);
        health.beat(now + 5_000_000_000L);
        health.beat(now + 5_020_000_000L);
        assertThat(Long.parseLong(health.measured().getOrDefault("worst_gap_micros", "")))
                .isEqualTo(5_000_000);
    }
}
