package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import redoubt.base.Threads;

/**
 * Somebody else's program sleeps in poll(2) on {@code array_state} of an array that is served and mounted, and is woken by what becomes of the array: by
 * words that are stored, by writes, and by the time in which there are none. How soon is printed; only that it is woken, and by what, is held to.
 */
@Interop
class ArrayStatePollTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final int EVENTS = 1000;

    /** What the array becomes in turn: {@code active} by a write, the others by a store. */
    private static final List<String> TURN = List.of("read-auto", "active", "clean", "readonly");

    private static final int NOTIFIERS = 8;
    private static final int WRITERS = 2;
    private static final int ROUNDS = 125;
    private static final long SEED = Long.getLong("redoubt.seed", System.nanoTime());

    @BeforeAll
    static void needsPeers() {
        Peer.require(Peer.PYTHON);
        Mounts.require();
    }

    private static MountedArray serve(Scratch scratch) throws IOException {
        RedoubtArray array = RedoubtArray.create(scratch, Level.RAID1, "--assume-clean");
        return MountedArray.serve(array, Files.createDirectory(scratch.file("mnt")));
    }

    private static void store(MountedArray mounted, String attribute, String value) throws IOException {
        Files.writeString(mounted.md(attribute), value, StandardOpenOption.WRITE);
    }

    private static void write(MountedArray mounted, long position) throws IOException {
        try (FileChannel volume = FileChannel.open(mounted.volume(), StandardOpenOption.WRITE)) {
            volume.write(ByteBuffer.allocate(Content.BLOCK_BYTES), position);
        }
    }

    /** Goal: POLLPRI and POLLERR, at each of a thousand changes. Method: the next one is made when the client is asleep again. */
    @Test
    @Timeout(value = 5, unit = TimeUnit.MINUTES)
    void eachChangeOfTheArrayWakesTheClient() throws Exception {
        try (Scratch scratch = Scratch.make();
                MountedArray mounted = serve(scratch)) {
            store(mounted, "safe_mode_delay", "600");
            makeIt(mounted, "readonly");
            Await.until("readonly", LIMIT, () -> mounted.read("array_state").equals("readonly"));
            long[] nanos = new long[EVENTS];
            try (PollingClient client = PollingClient.start(mounted.md("array_state"))) {
                assertThat(client.next().value()).isEqualTo("readonly");
                for (int event = 0; event < EVENTS; event++) {
                    awaitSleep(client);
                    String becomes = TURN.get(event % TURN.size());
                    long start = makeIt(mounted, becomes);
                    PollingClient.Reading reading = client.next();
                    nanos[event] = reading.nanos() - start;
                    assertThat(reading.events()).as("event %d", event).isEqualTo(PollingClient.CHANGED);
                    while (!reading.value().equals(becomes)) { // on its way there it may be write-pending
                        reading = client.next();
                        assertThat(reading.events()).isEqualTo(PollingClient.CHANGED);
                    }
                }
            }
            print("any", IntStream.range(0, EVENTS), nanos);
            for (int kind = 0; kind < TURN.size(); kind++) {
                int which = kind;
                print(TURN.get(kind), IntStream.range(0, EVENTS).filter(event -> event % TURN.size() == which), nanos);
            }
            mounted.served().stop().mustSucceed();
        }
    }

    private static void print(String becomes, IntStream events, long[] nanos) {
        long[] sorted = events.mapToLong(event -> nanos[event]).sorted().toArray();
        System.err.printf(
                "poll(POLLPRI) on array_state that becomes %s: Python woke after %d us in the median, %d us at worst, of %d%n",
                becomes, sorted[sorted.length / 2] / 1000, sorted[sorted.length - 1] / 1000, sorted.length);
    }

    /** Answers the moment before it; a file that was closed is in use until the kernel has said so. */
    private static long makeIt(MountedArray mounted, String becomes) {
        AtomicLong start = new AtomicLong();
        Await.until(becomes + " to be taken", LIMIT, () -> {
            start.set(System.nanoTime());
            if (becomes.equals("active")) {
                write(mounted, 0);
            } else {
                store(mounted, "array_state", becomes);
            }
            return true;
        });
        return start.get();
    }

    /** Who reads early what comes is told of it once more. */
    private static void awaitSleep(PollingClient client) throws IOException {
        client.awaitSleep();
        while (client.hasNext()) {
            client.next();
            client.awaitSleep();
        }
    }

    /**
     * Goal: read, poll, read misses nothing of what eight do at once. Method: six store words and two write, in rounds, while the array becomes clean by
     * itself after a few milliseconds; a round is over when the client is asleep and the last that it has read is what is.
     */
    @Test
    @Timeout(value = 5, unit = TimeUnit.MINUTES)
    void noStateIsMissedAmongManyWhoChangeIt() throws Exception {
        System.err.printf("redoubt.seed=%d%n", SEED);
        AtomicInteger taken = new AtomicInteger();
        CyclicBarrier round = new CyclicBarrier(NOTIFIERS + 1);
        try (Scratch scratch = Scratch.make();
                MountedArray mounted = serve(scratch)) {
            store(mounted, "safe_mode_delay", "0.005");
            SplittableRandom random = new SplittableRandom(SEED);
            for (int i = 0; i < NOTIFIERS; i++) {
                SplittableRandom own = random.split();
                boolean writes = i < WRITERS;
                Threads.start("notifier-" + i, () -> {
                    while (await(round)) {
                        taken.addAndGet(change(mounted, writes, own) ? 1 : 0);
                        if (!await(round)) {
                            return;
                        }
                    }
                });
            }
            try (PollingClient client = PollingClient.start(mounted.md("array_state"))) {
                PollingClient.Reading[] last = {client.next()};
                int readings = 1;
                for (int i = 0; i < ROUNDS; i++) {
                    round.await();
                    round.await(LIMIT.toSeconds(), TimeUnit.SECONDS);
                    int[] more = {0};
                    Await.until("the client has read what is", LIMIT, () -> {
                        boolean slept = client.sleeps();
                        while (client.hasNext()) {
                            last[0] = client.next();
                            more[0]++;
                            assertThat(last[0].events()).isEqualTo(PollingClient.CHANGED);
                        }
                        return slept && last[0].value().equals(mounted.read("array_state"));
                    });
                    readings += more[0];
                }
                System.err.printf(
                        "%d of %d changes by %d at once were taken: the client read %d times%n",
                        taken.get(), NOTIFIERS * ROUNDS, NOTIFIERS, readings);
                assertThat(readings).isGreaterThan(ROUNDS);
            } finally {
                round.reset();
            }
            mounted.served().stop().mustSucceed();
        }
    }

    /** Whether there is another round. */
    private static boolean await(CyclicBarrier round) {
        try {
            round.await();
            return true;
        } catch (InterruptedException | BrokenBarrierException over) {
            return false;
        }
    }

    /** One word, or one write; that it is refused because of what the others do is nothing to be told of. */
    private static boolean change(MountedArray mounted, boolean writes, SplittableRandom random) {
        try {
            if (writes) {
                write(mounted, random.nextInt(1024) * (long) Content.BLOCK_BYTES);
            } else {
                store(mounted, "array_state", TURN.get(random.nextInt(TURN.size())));
            }
            return true;
        } catch (IOException refused) {
            return false;
        }
    }
}
