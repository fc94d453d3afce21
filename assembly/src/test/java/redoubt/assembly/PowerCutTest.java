package redoubt.assembly;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import redoubt.base.ArrayState;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;
import redoubt.md.Array;
import redoubt.md.ArrayPlan;
import redoubt.metadata.Finding;
import redoubt.metadata.RaidLevel;
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
    @EnumSource(names = {"RAID0", "RAID1", "RAID10", "RAID5"})
    @Execution(ExecutionMode.CONCURRENT)
    void atEveryBoundaryEveryDurableWriteIsThere(SimulatedContainer.Kind kind) throws Exception {
        cutAtEveryBoundary(kind);
    }

    @Tag("soak")
    @ParameterizedTest
    @EnumSource(names = {"MATRIX", "TWO_MIRRORS"})
    @Timeout(value = 1, unit = TimeUnit.HOURS)
    void atEveryBoundaryEveryDurableWriteToTwoVolumesIsThere(SimulatedContainer.Kind kind) throws Exception {
        cutAtEveryBoundary(kind);
    }

    /** A member, chosen by the seed, is not there from the start. */
    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void atEveryBoundaryOfADegradedRaid5OnlyStripesInFlightMayDiffer() throws Exception {
        SimulatedContainer.Kind kind = SimulatedContainer.Kind.RAID5;
        long seed = Seed.next();
        List<byte[]> fresh = new ArrayList<>(SimulatedContainer.freshImages(kind));
        fresh.set((int) Math.floorMod(seed, (long) kind.disks), null);
        assertThat(cutAtEveryBoundary(kind, seed, fresh))
                .as("cuts that left a write hole, seed %d", seed)
                .isPositive();
    }

    private static void cutAtEveryBoundary(SimulatedContainer.Kind kind) throws Exception {
        cutAtEveryBoundary(kind, Seed.next(), SimulatedContainer.freshImages(kind));
    }

    /** Answers how many of the cuts left what is not opened for writing. */
    private static int cutAtEveryBoundary(SimulatedContainer.Kind kind, long seed, List<byte[]> fresh)
            throws Exception {
        long boundaries =
                new Run(kind, seed, fresh, PowerRail.steady()).script().boundaries();
        assertThat(boundaries).as("seed %d", seed).isGreaterThan(STEPS);
        int refused = 0;
        for (long boundary = 1; boundary <= boundaries; boundary++) {
            Run run = new Run(kind, seed, fresh, PowerRail.cutAt(boundary)).script();
            String where = "%s, seed %d, power cut at boundary %d of %d".formatted(kind, seed, boundary, boundaries);
            run.checkWhatIsLeft(where, seed * 31 + boundary);
            refused += run.refusedForTheHole ? 1 : 0;
        }
        return refused;
    }

    /** Half-way through the script a member, chosen by the seed, is failed; the rest runs degraded. */
    @ParameterizedTest
    @EnumSource(names = {"RAID1", "RAID10", "RAID5", "TWO_MIRRORS"})
    @Execution(ExecutionMode.CONCURRENT)
    void atEveryBoundaryAroundAFailureTheStaleMemberIsNotBelieved(SimulatedContainer.Kind kind) throws Exception {
        long seed = Seed.next();
        failAtEveryBoundary(kind, seed, (int) Math.floorMod(seed, (long) kind.disks));
    }

    /** Every member in turn, each turn with a new script, until the time is spent; each member at least once. */
    @Tag("soak")
    @ParameterizedTest
    @EnumSource(names = {"RAID1", "RAID10", "RAID5", "TWO_MIRRORS"})
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
        int refused = 0;
        for (long boundary = 1; boundary <= boundaries; boundary++) {
            Run run = new Run(kind, seed, fresh, PowerRail.cutAt(boundary))
                    .failing(victim)
                    .script();
            String where = "%s, seed %d, member %d failed, power cut at boundary %d of %d"
                    .formatted(kind, seed, victim, boundary, boundaries);
            run.checkWhatIsLeft(where, seed * 31 + boundary);
            refused += run.refusedForTheHole ? 1 : 0;
        }
        if (kind == SimulatedContainer.Kind.RAID5) {
            assertThat(refused).as("cuts that left a write hole, seed %d", seed).isPositive();
        }
    }

    /** One run of the script. */
    private static final class Run {
        private final SimulatedContainer.Kind kind;
        private final SplittableRandom random;
        private final SteppedTime time = new SteppedTime();
        private final SimulatedContainer simulated;
        private final List<Volume> volumes = new ArrayList<>();
        private final PowerRail power;
        private final List<Long> generationsSeen = new ArrayList<>(); // of each member: the newest that was durable
        private final int missing;
        private int victim = -1;
        private boolean degraded;
        private boolean refusedForTheHole;

        /** One volume of the container, and what may be found on it. */
        private record Volume(int index, String name, RaidLevel level, Array array, WriteModel model) {
            long size() {
                return array.limits().sizeBytes();
            }

            boolean redundant() {
                return level != RaidLevel.RAID0;
            }
        }

        /** @param images what each disk holds; null for one that is not there from the start */
        Run(SimulatedContainer.Kind kind, long seed, List<byte[]> images, PowerRail power) throws AssemblyRefused {
            this.kind = kind;
            this.power = power;
            this.random = new SplittableRandom(seed);
            this.missing = images.indexOf(null);
            this.degraded = missing >= 0;
            this.simulated = new SimulatedContainer(
                    images,
                    AssemblyOptions.WRITABLE.insisting(degraded ? Set.of(Insistence.DEGRADED) : Set.of()),
                    power,
                    time,
                    UnaryOperator.identity());
            noteGenerations();
            for (String name : kind.names()) {
                int index = volumes.size();
                Array array = simulated.array(name);
                long size = array.limits().sizeBytes();
                volumes.add(new Volume(index, name, kind.levels.get(index), array, new WriteModel(size)));
            }
        }

        Run failing(int slot) {
            victim = slot;
            return this;
        }

        long boundaries() {
            return power.boundaries();
        }

        Run script() {
            List<Asker> askers = new ArrayList<>();
            for (Volume volume : volumes) {
                askers.add(new Asker(volume.array));
            }
            for (int step = 0; step < STEPS && !power.isCut(); step++) {
                if (step == STEPS / 2 && victim >= 0) {
                    failVictim();
                }
                Volume volume = volumes.get(random.nextInt(volumes.size()));
                Asker asker = askers.get(volume.index);
                switch (random.nextInt(10)) {
                    case 0 -> {
                        if (asker.flush() == IoStatus.OK) {
                            volume.model.flushed();
                        }
                    }
                    case 1 -> becomeClean();
                    case 2 -> change(asker, volume, IoOperation.WRITE, IoRequest.FUA);
                    case 3 ->
                        change(
                                asker,
                                volume,
                                IoOperation.WRITE_ZEROES,
                                random.nextInt(2) * IoRequest.FUA | random.nextInt(2) * IoRequest.NO_HOLE);
                    case 4 -> change(asker, volume, IoOperation.TRIM, 0);
                    default -> change(asker, volume, IoOperation.WRITE, 0);
                }
                noteGenerations();
            }
            askers.forEach(Asker::close);
            if (!power.isCut()) {
                simulated.container.stop(LIMIT_NANOS);
            }
            return this;
        }

        private void noteGenerations() {
            List<Long> now = simulated.durableGenerations();
            for (int member = 0; member < now.size(); member++) {
                if (generationsSeen.size() <= member) {
                    generationsSeen.add(now.get(member));
                }
                generationsSeen.set(member, Math.max(generationsSeen.get(member), now.get(member)));
            }
        }

        private void change(Asker asker, Volume volume, IoOperation operation, int flags) {
            int length = 512 * (1 + random.nextInt(random.nextInt(4) == 0 ? 192 : 16));
            long offset = 512L * random.nextLong((volume.size() - length) / 512 + 1);
            byte[] bytes = null;
            switch (operation) {
                case WRITE_ZEROES -> volume.model.submitZeroes(offset, length);
                case TRIM -> volume.model.submitTrim(offset, length);
                default -> bytes = volume.model.submit(offset, length);
            }
            IoStatus how = asker.ask(operation, offset, length, flags, bytes);
            if (how == IoStatus.OK) {
                volume.model.answered(offset, length, (flags & IoRequest.FUA) != 0);
            } else {
                assertThat(power.isCut())
                        .as("%s may fail only without power, not with %s", operation, how)
                        .isTrue();
            }
        }

        private void failVictim() {
            degraded = true;
            volumes.getFirst().array.failMember(victim);
            Waiting.until(
                    "the failure is recorded or the power gone",
                    () -> power.isCut() || volumes.stream().allMatch(this::hasLostTheVictim));
        }

        private boolean hasLostTheVictim(Volume volume) {
            return volume.array.view().memberState(victim).word().equals("faulty");
        }

        private void becomeClean() {
            time.advance(1);
            time.advance(ArrayPlan.IMSM_SAFE_MODE_DELAY_NANOS + 1);
            for (Volume volume : volumes) {
                if (volume.array.view().state() == ArrayState.ACTIVE && volume.redundant()) {
                    Waiting.until("the volume is marked clean or the power gone", () -> {
                        // A beat that came a moment too early, while a failure was being put down, is followed by
                        // another.
                        time.advance(ArrayPlan.IMSM_SAFE_MODE_DELAY_NANOS + 1);
                        return power.isCut() || !dirtyOnDisk(volume);
                    });
                }
            }
        }

        private boolean dirtyOnDisk(Volume volume) {
            return simulated.container.picture().volumes().get(volume.index).dirty();
        }

        void checkWhatIsLeft(String where, long choice) throws Exception {
            List<byte[]> images = new ArrayList<>(simulated.imagesAfterPowerCut(choice));
            simulated.close();
            simulated.expectNothingLeaks();
            for (int member = 0; member < images.size(); member++) {
                expectLawfulMetadata(where + ", member " + member, images.get(member), generationsSeen.get(member));
            }
            if (missing >= 0) {
                images.add(missing, null);
            }
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
                for (Volume volume : volumes) {
                    checkWhatIsLeft(where, images, again, volume);
                }
                again.expectNothingLeaks();
            }
            if (kind == SimulatedContainer.Kind.RAID5) {
                expectRefusalOfTheHole(where, images);
            }
        }

        /** One member alone: its block is whole or torn, never a lie, and no older than what was durable before the cut. */
        private static void expectLawfulMetadata(String where, byte[] image, long seen) {
            long generation = switch (SimulatedContainer.findingIn(image)) {
                case Finding.Whole(var metadata) -> metadata.picture().generation();
                case Finding.Torn torn -> torn.claim().generation();
                case Finding.Absent absent -> throw new AssertionError(where + ": its metadata is gone");
                case Finding.Malformed(var because) -> throw new AssertionError(where + ": " + because.sentence());
            };
            assertThat(generation).as("%s: its generation", where).isGreaterThanOrEqualTo(seen);
        }

        private void checkWhatIsLeft(String where, List<byte[]> images, SimulatedContainer again, Volume volume) {
            VolumePicture picture = again.container.picture().volumes().get(volume.index);
            byte[] content = readAll(again, volume);
            // RAID5 that is dirty with a member gone may lose what was in flight, and only that; it is refused for
            // writing.
            boolean hole = volume.level == RaidLevel.RAID5 && picture.dirty() && degraded;
            long stripeBytes = (long) picture.chunkBytes() * (kind.disks - 1);
            int lie =
                    hole ? volume.model.firstLieInAStripeAtRest(content, stripeBytes) : volume.model.firstLie(content);
            assertThat(lie)
                    .as("%s: %s: %s", where, volume.name, lie < 0 ? "" : volume.model.expectation(lie))
                    .isEqualTo(-1);
            boolean all = again.array(volume.name).view().degraded() == 0;
            if (!picture.dirty() && all) {
                Agreement.expect(where, images, picture);
            }
        }

        private static byte[] readAll(SimulatedContainer again, Volume volume) {
            Array array = again.array(volume.name);
            byte[] content = new byte[(int) volume.size()];
            try (Asker asker = new Asker(array)) {
                int longest = Math.min(1 << 20, array.limits().maxTransferBytes());
                for (int at = 0; at < content.length; at += longest) {
                    int length = Math.min(longest, content.length - at);
                    System.arraycopy(asker.read(at, length), 0, content, at, length);
                }
                assertThat(asker.ask(IoOperation.WRITE, 0, 512, 0, new byte[512]))
                        .isEqualTo(IoStatus.READ_ONLY);
            }
            return content;
        }

        private void expectRefusalOfTheHole(String where, List<byte[]> images) {
            Optional<VolumePicture> newest = images.stream()
                    .filter(Objects::nonNull)
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
                refusedForTheHole = true;
            }
        }
    }
}
