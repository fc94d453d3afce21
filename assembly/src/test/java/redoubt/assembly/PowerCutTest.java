package redoubt.assembly;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import redoubt.base.ArrayState;
import redoubt.block.IoOperation;
import redoubt.block.IoStatus;
import redoubt.md.ArrayPlan;
import redoubt.metadata.VolumePicture;
import redoubt.sim.SteppedTime;
import redoubt.testkit.Asker;
import redoubt.testkit.PowerRail;
import redoubt.testkit.Seed;
import redoubt.testkit.Waiting;

/**
 * Goal: no durable write is lost, no container is lost, and <em>clean</em> is never said of members that differ. Method: run a script with
 * steady power and count the writes and flushes that reach the members; then run it again for each of them, cut the power of all members
 * there, and assemble what they held.
 */
@Tag("slow")
class PowerCutTest {

    private static final int STEPS = 24;
    private static final long LIMIT_NANOS = 20_000_000_000L;
    private static final long SOAK_NANOS =
            TimeUnit.SECONDS.toNanos(Integer.getInteger("redoubt.powercut.soak.seconds", 300));

    @ParameterizedTest
    @EnumSource
    void atEveryBoundaryEveryDurableWriteIsThere(SimulatedContainer.Kind kind) throws Exception {
        long seed = Seed.next();
        List<byte[]> fresh = SimulatedContainer.freshImages(kind);
        long boundaries =
                new Run(kind, seed, fresh, PowerRail.steady()).script().boundaries();
        assertThat(boundaries).as("seed %d", seed).isGreaterThan(STEPS);
        for (long boundary = 1; boundary <= boundaries; boundary++) {
            Run run = new Run(kind, seed, fresh, PowerRail.cutAt(boundary)).script();
            String where = "%s, seed %d, power cut at boundary %d of %d".formatted(kind, seed, boundary, boundaries);
            run.checkWhatIsLeft(where, seed * 31 + boundary);
        }
    }

    /** Half-way through the script a member, chosen by the seed, is failed; the rest runs degraded. */
    @ParameterizedTest
    @EnumSource(names = {"RAID1", "RAID10", "RAID5"})
    void atEveryBoundaryAroundAFailureTheStaleMemberIsNotBelieved(SimulatedContainer.Kind kind) throws Exception {
        long seed = Seed.next();
        failAtEveryBoundary(kind, seed, (int) Math.floorMod(seed, (long) kind.disks));
    }

    /** Every member in turn, each turn with a new script, until the time is spent; each member at least once. */
    @Tag("soak")
    @ParameterizedTest
    @EnumSource(names = {"RAID1", "RAID10", "RAID5"})
    @Timeout(value = 1, unit = TimeUnit.HOURS)
    void atEveryBoundaryAroundAFailureOfEveryMember(SimulatedContainer.Kind kind) throws Exception {
        long began = System.nanoTime();
        int scripts = 0;
        while (scripts < kind.disks || System.nanoTime() - began < SOAK_NANOS) {
            failAtEveryBoundary(kind, Seed.next(), scripts++ % kind.disks);
        }
        System.err.printf("%s: power cut at every boundary of %d scripts%n", kind, scripts);
    }

    private static void failAtEveryBoundary(SimulatedContainer.Kind kind, long seed, int victim) throws Exception {
        List<byte[]> fresh = SimulatedContainer.freshImages(kind);
        long boundaries = new Run(kind, seed, fresh, PowerRail.steady())
                .failing(victim)
                .script()
                .boundaries();
        for (long boundary = 1; boundary <= boundaries; boundary++) {
            Run run = new Run(kind, seed, fresh, PowerRail.cutAt(boundary))
                    .failing(victim)
                    .script();
            String where = "%s, seed %d, member %d failed, power cut at boundary %d of %d"
                    .formatted(kind, seed, victim, boundary, boundaries);
            run.checkWhatIsLeft(where, seed * 31 + boundary);
        }
    }

    /** One run of the script. */
    private static final class Run {
        private final SimulatedContainer.Kind kind;
        private final SplittableRandom random;
        private final SteppedTime time = new SteppedTime();
        private final SimulatedContainer simulated;
        private final WriteModel model;
        private final long size;
        private final PowerRail power;
        private int victim = -1;
        private boolean degraded;

        Run(SimulatedContainer.Kind kind, long seed, List<byte[]> images, PowerRail power) throws AssemblyRefused {
            this.kind = kind;
            this.power = power;
            this.random = new SplittableRandom(seed);
            this.simulated =
                    new SimulatedContainer(images, AssemblyOptions.WRITABLE, power, time, UnaryOperator.identity());
            this.size = simulated.array().limits().sizeBytes();
            this.model = new WriteModel(size);
        }

        Run failing(int slot) {
            victim = slot;
            return this;
        }

        long boundaries() {
            return power.boundaries();
        }

        Run script() {
            try (Asker asker = new Asker(simulated.array())) {
                for (int step = 0; step < STEPS && !power.isCut(); step++) {
                    if (step == STEPS / 2 && victim >= 0) {
                        failVictim();
                    }
                    switch (random.nextInt(8)) {
                        case 0 -> {
                            if (asker.flush() == IoStatus.OK) {
                                model.flushed();
                            }
                        }
                        case 1 -> becomeClean();
                        case 2 -> write(asker, true);
                        default -> write(asker, false);
                    }
                }
            }
            if (!power.isCut()) {
                simulated.container.stop(LIMIT_NANOS);
            }
            return this;
        }

        private void write(Asker asker, boolean fua) {
            int length = 512 * (1 + random.nextInt(random.nextInt(4) == 0 ? 192 : 16));
            long offset = 512L * random.nextLong((size - length) / 512 + 1);
            byte[] bytes = model.submit(offset, length);
            IoStatus how = fua ? asker.writeFua(offset, bytes) : asker.write(offset, bytes);
            if (how == IoStatus.OK) {
                model.answered(offset, length, fua);
            } else {
                assertThat(power.isCut())
                        .as("a write may fail only without power, not with %s", how)
                        .isTrue();
            }
        }

        private void failVictim() {
            degraded = true;
            simulated.array().failMember(victim);
            Waiting.until(
                    "the failure is recorded or the power gone",
                    () -> power.isCut()
                            || simulated
                                    .array()
                                    .view()
                                    .memberState(victim)
                                    .word()
                                    .equals("faulty"));
        }

        private void becomeClean() {
            time.advance(1);
            time.advance(ArrayPlan.IMSM_SAFE_MODE_DELAY_NANOS + 1);
            if (simulated.array().view().state() == ArrayState.ACTIVE && kind.redundant()) {
                Waiting.until("the volume is marked clean or the power gone", () -> {
                    // A beat that came a moment too early, while a failure was being put down, is followed by another.
                    time.advance(ArrayPlan.IMSM_SAFE_MODE_DELAY_NANOS + 1);
                    return power.isCut() || !dirtyOnDisk();
                });
            }
        }

        private boolean dirtyOnDisk() {
            return simulated.container.picture().volumes().getFirst().dirty();
        }

        void checkWhatIsLeft(String where, long choice) throws Exception {
            List<byte[]> images = simulated.imagesAfterPowerCut(choice);
            simulated.close();
            List<byte[]> left = new ArrayList<>(images);
            AssemblyOptions options = AssemblyOptions.READ_ONLY;
            SimulatedContainer again;
            try {
                again = new SimulatedContainer(
                        left, options, PowerRail.steady(), new SteppedTime(), UnaryOperator.identity());
            } catch (AssemblyRefused refused) {
                throw new AssertionError(
                        where + ": the container is lost: " + refused.sentence() + refused.candidates());
            }
            try (again) {
                VolumePicture volume = again.container.picture().volumes().getFirst();
                byte[] content = readAll(again);
                // RAID5 that is dirty with a member gone may lose what was in flight, and only that; it is refused for
                // writing.
                boolean hole = kind == SimulatedContainer.Kind.RAID5 && volume.dirty() && degraded;
                long stripeBytes = (long) volume.chunkBytes() * (kind.disks - 1);
                int lie = hole ? model.firstLieInAStripeAtRest(content, stripeBytes) : model.firstLie(content);
                assertThat(lie)
                        .as("%s: %s", where, lie < 0 ? "" : model.expectation(lie))
                        .isEqualTo(-1);
                boolean all = again.array().view().degraded() == 0;
                if (!volume.dirty() && all && kind.redundant()) {
                    expectAgreement(where, images, volume);
                }
            }
            if (kind == SimulatedContainer.Kind.RAID5) {
                expectRefusalOfTheHole(where, images);
            }
        }

        private byte[] readAll(SimulatedContainer again) {
            byte[] content = new byte[(int) size];
            try (Asker asker = new Asker(again.array())) {
                int longest = Math.min(1 << 20, again.array().limits().maxTransferBytes());
                for (int at = 0; at < size; at += longest) {
                    int length = (int) Math.min(longest, size - at);
                    System.arraycopy(asker.read(at, length), 0, content, at, length);
                }
                assertThat(asker.ask(IoOperation.WRITE, 0, 512, 0, new byte[512]))
                        .isEqualTo(IoStatus.READ_ONLY);
            }
            return content;
        }

        private void expectRefusalOfTheHole(String where, List<byte[]> images) {
            Optional<VolumePicture> newest = images.stream()
                    .map(SimulatedContainer::volumeIn)
                    .flatMap(Optional::stream)
                    .filter(VolumePicture::dirty)
                    .findFirst();
            if (!degraded || newest.isEmpty()) {
                return;
            }
            try (SimulatedContainer writable = new SimulatedContainer(
                    images,
                    AssemblyOptions.WRITABLE.insisting(Set.of(Insistence.DEGRADED)),
                    PowerRail.steady(),
                    new SteppedTime(),
                    UnaryOperator.identity())) {
                assertThat(writable.array().view().degraded() == 0
                                || !writable.container
                                        .picture()
                                        .volumes()
                                        .getFirst()
                                        .dirty())
                        .as("%s: a dirty RAID5 without a member was opened for writing", where)
                        .isTrue();
            } catch (AssemblyRefused refused) {
                assertThat(refused.reason().exitCode())
                        .as("%s: %s", where, refused.sentence())
                        .isEqualTo(77);
            }
        }

        /** The members of a clean array agree, sector by sector. */
        private void expectAgreement(String where, List<byte[]> images, VolumePicture volume) {
            int component = (int) volume.componentSectors() * 512;
            for (int at = 0; at < component; at++) {
                boolean agrees = switch (kind) {
                    case RAID0 -> true;
                    case RAID1 -> images.get(0)[at] == images.get(1)[at];
                    case RAID10 -> images.get(0)[at] == images.get(1)[at] && images.get(2)[at] == images.get(3)[at];
                    case RAID5 -> (images.get(0)[at] ^ images.get(1)[at] ^ images.get(2)[at]) == 0;
                };
                if (!agrees) {
                    throw new AssertionError(where + ": called clean, and the members differ at byte " + at);
                }
            }
        }
    }
}
