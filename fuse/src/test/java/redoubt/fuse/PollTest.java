package redoubt.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import redoubt.base.Clock;
import redoubt.base.Threads;
import redoubt.testkit.Waiting;

/** Somebody else's program sleeps in poll(2) on an attribute, and learns at once that it changed. */
@Tag("interop")
class PollTest {

    private static final int EVENTS = 1000;
    private static final int NOTIFIERS = 8;
    private static final int ROUNDS = 1000;

    /** Says "ready", then for each event what poll answered, how long it took to wake in nanoseconds, and the value. */
    private static final String WAKES = """
            import os, select, sys, time
            f = os.open(sys.argv[1], os.O_RDONLY)
            p = select.poll()
            p.register(f, select.POLLPRI)
            os.pread(f, 4096, 0)
            for i in range(int(sys.argv[2])):
                print('ready', flush=True)
                got = p.poll(20000)
                now = time.monotonic_ns()
                value = int(os.pread(f, 4096, 0))
                print(got[0][1] if got else -1, now - value, flush=True)
            """;

    /** Reads, polls, reads, until the last value has come; says what it reads, or that an event was lost. */
    private static final String FOLLOWS = """
            import os, select, sys
            f = os.open(sys.argv[1], os.O_RDONLY)
            p = select.poll()
            p.register(f, select.POLLPRI)
            value = int(os.pread(f, 4096, 0))
            print('ready', flush=True)
            while value < int(sys.argv[2]):
                if not p.poll(10000):
                    print('lost after', value, flush=True)
                    sys.exit(1)
                value = int(os.pread(f, 4096, 0))
                print(value, flush=True)
            """;

    @TempDir
    Path folder;

    private final Tree tree = new Tree();
    private FuseMount mount;

    @BeforeEach
    void mount() throws Exception {
        Shell.needsFuse();
        mount = FuseMount.open(folder, tree.root, List.of(), Clock.system());
    }

    @AfterEach
    void unmount() {
        if (mount != null) {
            mount.close();
            assertThat(mount.faults()).isZero();
        }
    }

    private Process python(String program, int number) {
        return Shell.start(List.of(
                "python3", "-c", program, folder.resolve("block/md0/md/count").toString(), Integer.toString(number)));
    }

    /** Goal: POLLPRI and POLLERR, soon. Method: the value is the moment of the event, on the clock that both have. */
    @Test
    void pollWakesWithPriorityAndError() throws Exception {
        Process client = python(WAKES, EVENTS);
        long[] nanos = new long[EVENTS];
        try (BufferedReader said = client.inputReader(StandardCharsets.US_ASCII)) {
            for (int i = 0; i < EVENTS; i++) {
                assertThat(said.readLine()).isEqualTo("ready");
                awaitSleep(client.pid());
                tree.number.set(System.nanoTime());
                tree.count.notifyChange();
                String[] answer = said.readLine().split(" ", -1);
                assertThat(answer[0]).as("POLLPRI|POLLERR, event %d", i).isEqualTo("10");
                nanos[i] = Long.parseLong(answer[1]);
            }
        }
        assertThat(client.waitFor()).isZero();
        Arrays.sort(nanos);
        System.err.printf(
                "poll(POLLPRI) from Python woke after %d us in the median, %d us at worst, of %d events%n",
                nanos[EVENTS / 2] / 1000, nanos[EVENTS - 1] / 1000, EVENTS);
    }

    /** So that a wake-up is measured, and not an answer to a question that comes later. */
    private static void awaitSleep(long pid) {
        Waiting.until("the client sleeps in poll", () -> {
            try {
                String line = Files.readString(Path.of("/proc/" + pid + "/syscall"));
                return line.startsWith("7 ") || line.startsWith("73 ") || line.startsWith("271 ");
            } catch (IOException notToBeSeen) {
                return true;
            }
        });
    }

    /**
     * Goal: read, poll, read misses nothing. Method: eight threads notify at once, in rounds; a round begins when the reader has seen the last
     * value of the one before, which it never does if a wake-up went astray.
     */
    @Test
    void noEventIsLostAmongManyNotifiers() throws Exception {
        Process client = python(FOLLOWS, NOTIFIERS * ROUNDS);
        CyclicBarrier round = new CyclicBarrier(NOTIFIERS + 1);
        for (int i = 0; i < NOTIFIERS; i++) {
            Threads.start("notifier-" + i, () -> notify(round));
        }
        int woke = 0;
        try (BufferedReader said = client.inputReader(StandardCharsets.US_ASCII)) {
            assertThat(said.readLine()).isEqualTo("ready");
            for (int last = NOTIFIERS; last <= NOTIFIERS * ROUNDS; last += NOTIFIERS) {
                round.await();
                String value;
                do {
                    value = said.readLine();
                    assertThat(value).matches("\\d+");
                    woke++;
                } while (Integer.parseInt(value) < last);
            }
        }
        System.err.printf("%d notifiers, %d events: the reader woke %d times%n", NOTIFIERS, NOTIFIERS * ROUNDS, woke);
        assertThat(client.waitFor()).isZero();
    }

    private void notify(CyclicBarrier round) {
        try {
            for (int i = 0; i < ROUNDS; i++) {
                round.await();
                tree.number.incrementAndGet();
                tree.count.notifyChange();
            }
        } catch (InterruptedException | BrokenBarrierException over) {
            return;
        }
    }

    /** Goal: a removed attribute wakes its poller for good. */
    @Test
    void removalWakes() throws Exception {
        Process client = python(FOLLOWS, 1);
        try (BufferedReader said = client.inputReader(StandardCharsets.US_ASCII)) {
            assertThat(said.readLine()).isEqualTo("ready");
            awaitSleep(client.pid());
            tree.count.remove();
            assertThat(said.lines().toList().toString()).contains("No such device");
        }
        assertThat(client.waitFor()).isEqualTo(1);
    }
}
