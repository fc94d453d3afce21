package redoubt.assembly;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import redoubt.base.ThreadHeartbeat;
import redoubt.base.Threads;
import redoubt.base.WorkerFactory;
import redoubt.block.IoOperation;
import redoubt.block.IoStatus;
import redoubt.md.MemberState;
import redoubt.metadata.SlotState;
import redoubt.metadata.VolumePicture;
import redoubt.testkit.Asker;
import redoubt.testkit.Fault;
import redoubt.testkit.Inspection;
import redoubt.testkit.PowerRail;
import redoubt.testkit.Seed;
import redoubt.testkit.Waiting;

/**
 * Goal: a member that hangs for ever holds nobody up for longer than its time limit and a second, whatever call it hangs in. Method: four
 * threads write and read without pause; a member begins to hang; each of them times its longest wait.
 */
@Tag("slow")
class HungMemberTest {

    /** Also that no thread goes on, and no buffer is out, after the member that hung came back. */
    @RegisterExtension
    final Inspection inspection = new Inspection();

    private static final int ASKERS = 4;
    private static final int ROUNDS_AFTER = 200;
    private static final long TIME_LIMIT_NANOS = TimeUnit.MILLISECONDS.toNanos(400);
    private static final long LONGEST_NANOS = TIME_LIMIT_NANOS + TimeUnit.SECONDS.toNanos(1);

    /** What the member hangs in. */
    enum HangsIn {
        READ,
        WRITE,
        FLUSH,
        METADATA_WRITE,
        EVERYTHING
    }

    static Stream<Arguments> everyLevelAndCall() {
        return Stream.of(SimulatedContainer.Kind.RAID1, SimulatedContainer.Kind.RAID10, SimulatedContainer.Kind.RAID5)
                .flatMap(kind -> Stream.of(HangsIn.values()).map(call -> Arguments.of(kind, call)));
    }

    @ParameterizedTest
    @MethodSource("everyLevelAndCall")
    void writesGoOnWithinTheTimeLimitAndASecond(SimulatedContainer.Kind kind, HangsIn call) throws Exception {
        long seed = Seed.next();
        int victim = (int) Math.floorMod(seed, (long) kind.disks);
        AssemblyOptions options = AssemblyOptions.WRITABLE.withMemberTimeoutNanos(TIME_LIMIT_NANOS);
        try (ThreadHeartbeat heartbeat = new ThreadHeartbeat(TimeUnit.MILLISECONDS.toNanos(10));
                SimulatedContainer simulated = new SimulatedContainer(
                        SimulatedContainer.freshImages(kind),
                        options,
                        PowerRail.steady(),
                        heartbeat,
                        member ->
                                member.servedBy(WorkerFactory.threads()).withTimeLimit(TIME_LIMIT_NANOS, heartbeat))) {
            inspection.watch("the container", simulated.memory);
            Load load = new Load(simulated, seed);
            if (call == HangsIn.METADATA_WRITE) {
                simulated.members.get(victim).inject(fault(simulated, call));
                load.start();
            } else {
                load.start();
                load.awaitRounds(50);
                simulated.members.get(victim).inject(fault(simulated, call));
            }
            Waiting.until(
                    "the member that hangs has been failed and recorded, seed " + seed,
                    () -> simulated.array().view().memberState(victim) == MemberState.FAULTY);
            load.awaitRounds(ROUNDS_AFTER);
            load.stop();
            assertThat(load.longestNanos())
                    .as("the longest wait in nanoseconds, seed %d", seed)
                    .isLessThan(LONGEST_NANOS);
            for (int disk = 0; disk < kind.disks; disk++) {
                if (disk != victim) {
                    VolumePicture volume = SimulatedContainer.volumeIn(
                                    simulated.members.get(disk).content())
                            .orElseThrow();
                    assertThat(volume.slots().get(victim).state())
                            .as("what disk %d says of the member that hung", disk)
                            .isNotEqualTo(SlotState.IN_SYNC);
                }
            }
            long asked = System.nanoTime();
            assertThat(simulated.container.stop(TimeUnit.SECONDS.toNanos(10)))
                    .as("stopped in good order, seed %d; %s", seed, simulated.complaints)
                    .isTrue();
            assertThat(System.nanoTime() - asked).isLessThan(TimeUnit.SECONDS.toNanos(10));
            expectTheSurvivorsToAgree(simulated, kind, victim);
            simulated.members.get(victim).heal();
            load.close();
            simulated.expectNothingLeaks();
        }
    }

    /** Where both members of a pair are left. */
    private static void expectTheSurvivorsToAgree(
            SimulatedContainer simulated, SimulatedContainer.Kind kind, int victim) {
        VolumePicture volume = simulated.container.picture().volumes().getFirst();
        for (int first = 0; kind == SimulatedContainer.Kind.RAID10 && first < kind.disks; first += 2) {
            if (victim / 2 != first / 2) {
                int from = (int) volume.slots().get(first).dataOffsetSectors() * 512;
                int to = from + (int) volume.componentSectors() * 512;
                byte[] one = simulated.members.get(first).content();
                byte[] other = simulated.members.get(first + 1).content();
                assertThat(Arrays.mismatch(one, from, to, other, from, to))
                        .as("the first byte in which members %d and %d differ", first, first + 1)
                        .isEqualTo(-1);
            }
        }
    }

    private static Fault fault(SimulatedContainer simulated, HangsIn call) {
        long data = 512 * simulated.container.picture().volumes().getFirst().componentSectors();
        return switch (call) {
            case READ -> Fault.hanging(IoOperation.READ);
            case WRITE -> Fault.hanging(IoOperation.WRITE).within(0, data);
            case FLUSH -> Fault.hanging(IoOperation.FLUSH);
            case METADATA_WRITE -> Fault.hanging(IoOperation.WRITE).within(data, Long.MAX_VALUE);
            case EVERYTHING -> Fault.hanging(IoOperation.READ, IoOperation.WRITE, IoOperation.FLUSH);
        };
    }

    /** Four askers with a range each, who check what they read and flush now and then. */
    private static final class Load {
        private final SimulatedContainer simulated;
        private final List<Asker> askers = new ArrayList<>();
        private final AtomicLong rounds = new AtomicLong();
        private final AtomicLong longest = new AtomicLong();
        private final AtomicBoolean stopping = new AtomicBoolean();
        private final CountDownLatch done = new CountDownLatch(ASKERS);
        private final AtomicReference<Throwable> wrong = new AtomicReference<>();
        private final long seed;

        Load(SimulatedContainer simulated, long seed) {
            this.simulated = simulated;
            this.seed = seed;
            for (int i = 0; i < ASKERS; i++) {
                askers.add(new Asker(simulated.array()));
            }
        }

        void start() {
            for (int i = 0; i < ASKERS; i++) {
                int number = i;
                Threads.start("asker-" + i, () -> ask(number));
            }
        }

        private void ask(int number) {
            try {
                Asker asker = askers.get(number);
                SplittableRandom random = new SplittableRandom(seed + number);
                long share = simulated.array().limits().sizeBytes() / ASKERS;
                byte[] model = new byte[(int) share];
                while (!stopping.get()) {
                    int length = 512 * (1 + random.nextInt(64));
                    int at = 512 * random.nextInt((int) (share - length) / 512 + 1);
                    byte[] bytes = new byte[length];
                    random.nextBytes(bytes);
                    long began = System.nanoTime();
                    assertThat(asker.write(number * share + at, bytes)).isEqualTo(IoStatus.OK);
                    note(began);
                    System.arraycopy(bytes, 0, model, at, length);
                    began = System.nanoTime();
                    byte[] read = asker.read(number * share + at, length);
                    note(began);
                    assertThat(read).isEqualTo(bytes);
                    if (random.nextInt(8) == 0) {
                        began = System.nanoTime();
                        assertThat(asker.flush()).isEqualTo(IoStatus.OK);
                        note(began);
                    }
                    rounds.incrementAndGet();
                }
                for (int at = 0; at < share; at += 4096) {
                    int length = (int) Math.min(4096, share - at);
                    assertThat(asker.read(number * share + at, length))
                            .isEqualTo(Arrays.copyOfRange(model, at, at + length));
                }
            } catch (Throwable failure) {
                wrong.compareAndSet(null, failure);
            } finally {
                done.countDown();
            }
        }

        private void note(long began) {
            longest.accumulateAndGet(System.nanoTime() - began, Math::max);
        }

        void awaitRounds(int more) {
            long target = rounds.get() + more;
            Waiting.until("the askers go on", () -> rounds.get() >= target || wrong.get() != null);
            expectNothingWrong();
        }

        void stop() throws InterruptedException {
            stopping.set(true);
            assertThat(done.await(60, TimeUnit.SECONDS)).isTrue();
            expectNothingWrong();
        }

        void close() {
            askers.forEach(Asker::close);
        }

        long longestNanos() {
            return longest.get();
        }

        private void expectNothingWrong() {
            Throwable failure = wrong.get();
            if (failure != null) {
                throw new AssertionError("seed " + seed, failure);
            }
        }
    }
}
