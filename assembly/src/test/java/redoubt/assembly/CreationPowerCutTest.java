package redoubt.assembly;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import redoubt.base.WorkerFactory;
import redoubt.block.IoMemory;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.VolumePicture;
import redoubt.metadata.imsm.ImsmFormat;
import redoubt.sim.SteppedTime;
import redoubt.testkit.PowerRail;
import redoubt.testkit.Seed;
import redoubt.testkit.SimulatedMember;

/**
 * Goal: whenever the power goes while an array is made or undone, the disks are as they were, or are the new array, or are said not to be
 * whole; nothing is called clean whose members differ; what was there before comes back from the backups; and it can be made again. Method:
 * as {@link PowerCutTest}, with several ways for the caches to lose their content at each boundary.
 */
@Tag("slow")
class CreationPowerCutTest {

    private static final int DISK_BYTES = 8 << 20;
    private static final long LIMIT_NANOS = 20_000_000_000L;
    private static final long NOW = 1_700_000_000L;
    private static final String NEW = "new";

    /** How often the same cut is made in soak, with other choices of what the caches had written. */
    private static final int CHOICES = 4;

    /** Disks that lose their power together. */
    private static final class Disks {
        private final List<SimulatedMember> members = new ArrayList<>();
        private final List<Disk> disks = new ArrayList<>();
        private final DiskOpener opener = (disk, access, limit) ->
                members.get(Integer.parseInt(disk.location().substring("sim:".length())));

        Disks(List<byte[]> images, PowerRail power) {
            for (byte[] image : images) {
                int number = disks.size();
                members.add(new SimulatedMember("SIM" + number, image, 512, power, number));
                disks.add(new Disk("sim:" + number, Optional.of("SIM" + number)));
            }
        }

        /** The same disks with power again, as somebody finds them later. */
        static Disks after(List<byte[]> images) {
            return new Disks(images, PowerRail.steady());
        }

        List<byte[]> imagesAfterPowerCut(long seed) {
            SplittableRandom choices = new SplittableRandom(seed);
            return members.stream()
                    .map(member -> member.imageAfterPowerCut(choices))
                    .toList();
        }

        Creation open(RaidLevel level, boolean newContainer) throws AssemblyRefused {
            Creation.Wish wish = new Creation.Wish(
                    NEW,
                    level,
                    level == RaidLevel.RAID1 ? OptionalInt.empty() : OptionalInt.of(SimulatedContainer.CHUNK_BYTES),
                    OptionalLong.of(1 << 20),
                    disks.stream().map(Optional::of).toList(),
                    List.of(),
                    false,
                    newContainer);
            return Creation.open(wish, new ImsmFormat(), opener, LIMIT_NANOS, new Random(7), NOW);
        }

        void restore(int number, Backup backup, Backup.Before before) throws Exception {
            backup.restore(disks.get(number), new ImsmFormat(), opener, LIMIT_NANOS, NOW, before);
        }

        Scan scan() throws AssemblyRefused {
            return assembly().scan(disks, LIMIT_NANOS);
        }

        /** Whether somebody who insists on nothing may write to the volume. */
        boolean writable(String name) {
            IoMemory memory = new IoMemory(new IoMemory.Cut(16 << 10, 64, 16), new IoMemory.Cut(1 << 20, 8, 4));
            try (AssembledContainer container = assembly()
                    .assemble(
                            disks,
                            Access.WRITE,
                            AssemblyOptions.WRITABLE.forArrays(Set.of(name)),
                            memory,
                            complaint -> {})) {
                return container.volume(name).isPresent();
            } catch (AssemblyRefused refused) {
                assertThat(refused.reason().exitCode()).as(refused.sentence()).isIn(65, 77);
                assertThat(refused.sentence()).isNotEmpty().doesNotContain("\n");
                return false;
            }
        }

        private Assembly assembly() {
            return new Assembly(new SteppedTime(), WorkerFactory.threads(), opener);
        }
    }

    /** What a creation is tried on. */
    enum Before {
        /** What was left of something else, everywhere. */
        NOISE,
        /** Another array on the same disks, which is given up. */
        ANOTHER_ARRAY
    }

    private static List<byte[]> imagesOf(Before before, SimulatedContainer.Kind kind, int diskBytes, long seed)
            throws Exception {
        List<byte[]> images = SimulatedContainer.freshImages(kind, diskBytes);
        Random random = new Random(seed);
        byte[] noise = new byte[1 << 20];
        for (byte[] image : images) {
            random.nextBytes(noise);
            // Metadata stands at the end.
            int end = before == Before.NOISE ? diskBytes : diskBytes - noise.length;
            for (int at = 0; at < end; at += noise.length) {
                System.arraycopy(noise, 0, image, at, noise.length);
            }
        }
        return images;
    }

    /** What was there comes back: the beginning, and where metadata stands. */
    private static void expectTheOldOnes(String where, List<byte[]> old, List<byte[]> now) {
        for (int disk = 0; disk < old.size(); disk++) {
            byte[] was = old.get(disk);
            byte[] is = now.get(disk);
            assertThat(Arrays.equals(was, 0, 64 << 10, is, 0, 64 << 10))
                    .as("%s: the beginning of disk %d is back", where, disk)
                    .isTrue();
            assertThat(Arrays.equals(was, 2 << 20, was.length, is, 2 << 20, is.length))
                    .as("%s: the metadata of disk %d is back, and nothing else was changed", where, disk)
                    .isTrue();
        }
    }

    // ---------------------------------------------------------------------------------------------- create

    @Test
    void aCreationThatIsCutCanBeUndoneAndMadeAgain() throws Exception {
        cutEverywhere(SimulatedContainer.Kind.RAID1, Before.ANOTHER_ARRAY, 1);
    }

    @Tag("soak")
    @ParameterizedTest
    @EnumSource(names = {"RAID0", "RAID1", "RAID10", "RAID5"})
    @Timeout(value = 1, unit = TimeUnit.HOURS)
    void aCreationOfAnyLevelThatIsCutCanBeUndoneAndMadeAgain(SimulatedContainer.Kind kind) throws Exception {
        for (Before before : Before.values()) {
            cutEverywhere(kind, before, CHOICES);
        }
    }

    private static void cutEverywhere(SimulatedContainer.Kind kind, Before before, int choices) throws Exception {
        long seed = Seed.next();
        List<byte[]> old = imagesOf(before, kind, DISK_BYTES, seed);
        PowerRail steady = PowerRail.steady();
        try (Creation creation = new Disks(old, steady).open(kind.levels.getFirst(), true)) {
            creation.write(bytes -> {});
        }
        for (long boundary = 1; boundary <= steady.boundaries(); boundary++) {
            for (int choice = 0; choice < choices; choice++) {
                String where = "%s over %s, seed %d, power cut at boundary %d of %d, choice %d"
                        .formatted(kind, before, seed, boundary, steady.boundaries(), choice);
                cut(where, kind, old, boundary, seed + choice);
            }
        }
    }

    private static void cut(String where, SimulatedContainer.Kind kind, List<byte[]> old, long boundary, long choice)
            throws Exception {
        RaidLevel level = kind.levels.getFirst();
        Disks disks = new Disks(old, PowerRail.cutAt(boundary));
        List<Backup> backups = new ArrayList<>();
        try (Creation creation = disks.open(level, true)) {
            for (Disk disk : disks.disks) {
                backups.add(creation.backup(disk, NOW));
            }
            creation.write(bytes -> {});
            throw new AssertionError(where + ": it does not say that it has failed");
        } catch (AssemblyRefused refused) {
            assertThat(refused.reason().exitCode()).as(refused.sentence()).isEqualTo(74);
        }
        List<byte[]> left = disks.imagesAfterPowerCut(choice);
        long members = left.stream()
                .filter(image -> SimulatedContainer.volumeIn(image)
                        .filter(volume -> volume.name().equals(NEW))
                        .isPresent())
                .count();
        boolean writable = Disks.after(left).writable(NEW);
        assertThat(writable)
                .as("%s: %d disks carry it, and it may be written to", where, members)
                .isEqualTo(members == kind.disks);
        if (writable) {
            VolumePicture volume = SimulatedContainer.volumeIn(left.getFirst()).orElseThrow();
            assertThat(volume.dirty()).as(where).isFalse();
            Agreement.expect(where, left, volume);
        }
        Disks.after(left).scan();

        Disks undone = Disks.after(left);
        for (int disk = 0; disk < kind.disks; disk++) {
            undone.restore(disk, backups.get(disk), now -> {});
        }
        expectTheOldOnes(where, old, undone.imagesAfterPowerCut(choice));

        Disks again = Disks.after(left);
        try (Creation creation = again.open(level, true)) {
            creation.write(bytes -> {});
        }
        List<byte[]> made = again.imagesAfterPowerCut(choice);
        assertThat(Disks.after(made).writable(NEW)).as(where + ": made again").isTrue();
        Agreement.expect(
                where, made, SimulatedContainer.volumeIn(made.getFirst()).orElseThrow());
    }

    /** The first volume is not touched, whatever becomes of the second. */
    @Test
    void aFurtherVolumeThatIsCutCostsTheFirstOneNothing() throws Exception {
        cutTheFurtherVolume(SimulatedContainer.Kind.RAID1, 2);
    }

    @Tag("soak")
    @ParameterizedTest
    @EnumSource(names = {"RAID1", "RAID10", "RAID5"})
    @Timeout(value = 1, unit = TimeUnit.HOURS)
    void aFurtherVolumeOfAnyLevelThatIsCutCostsTheFirstOneNothing(SimulatedContainer.Kind kind) throws Exception {
        cutTheFurtherVolume(kind, CHOICES);
    }

    private static void cutTheFurtherVolume(SimulatedContainer.Kind kind, int choices) throws Exception {
        long seed = Seed.next();
        List<byte[]> old = imagesOf(Before.ANOTHER_ARRAY, kind, SimulatedContainer.ROOMY_BYTES, seed);
        PowerRail steady = PowerRail.steady();
        try (Creation creation = new Disks(old, steady).open(kind.levels.getFirst(), false)) {
            assertThat(creation.neighbours()).hasSize(1);
            creation.write(bytes -> {});
        }
        for (long boundary = 1; boundary <= steady.boundaries(); boundary++) {
            for (int choice = 0; choice < choices; choice++) {
                String where = "%s, seed %d, power cut at boundary %d of %d, choice %d"
                        .formatted(kind, seed, boundary, steady.boundaries(), choice);
                Disks disks = new Disks(old, PowerRail.cutAt(boundary));
                try (Creation creation = disks.open(kind.levels.getFirst(), false)) {
                    creation.write(bytes -> {});
                    throw new AssertionError(where + ": it does not say that it has failed");
                } catch (AssemblyRefused refused) {
                    assertThat(refused.reason().exitCode())
                            .as(refused.sentence())
                            .isEqualTo(74);
                }
                List<byte[]> left = disks.imagesAfterPowerCut(seed + choice);
                expectTheFirstVolume(where, kind, old, left);
                Scan scan = Disks.after(left).scan();
                List<FoundVolume> volumes = scan.containers().getFirst().volumes();
                for (FoundVolume volume : volumes) {
                    if (volume.picture().name().equals(NEW) && Disks.after(left).writable(NEW)) {
                        Agreement.expect(where, left, volume.picture());
                    }
                }
            }
        }
    }

    private static void expectTheFirstVolume(
            String where, SimulatedContainer.Kind kind, List<byte[]> old, List<byte[]> left) throws Exception {
        assertThat(Disks.after(left).writable(SimulatedContainer.NAME))
                .as(where + ": the first volume is whole")
                .isTrue();
        for (int disk = 0; disk < kind.disks; disk++) {
            assertThat(Arrays.equals(old.get(disk), 0, 1 << 20, left.get(disk), 0, 1 << 20))
                    .as(where + ": its content")
                    .isTrue();
        }
    }

    // ---------------------------------------------------------------------------------------------- restore

    /** Half a restore is no harm: it can be done again, and what stood there before it is in the backup that it made. */
    @Test
    void aRestoreThatIsCutCanBeDoneAgainOrUndone() throws Exception {
        long seed = Seed.next();
        List<byte[]> old =
                imagesOf(Before.ANOTHER_ARRAY, SimulatedContainer.Kind.MATRIX, SimulatedContainer.ROOMY_BYTES, seed);
        Disks disks = Disks.after(old);
        List<Backup> backups = new ArrayList<>();
        try (Creation creation = disks.open(RaidLevel.RAID0, true)) {
            for (Disk disk : disks.disks) {
                backups.add(creation.backup(disk, NOW));
            }
            creation.write(bytes -> {});
        }
        List<byte[]> created = disks.imagesAfterPowerCut(seed);
        PowerRail steady = PowerRail.steady();
        new Disks(created, steady).restore(0, backups.getFirst(), now -> {});
        for (long boundary = 1; boundary <= steady.boundaries(); boundary++) {
            for (int choice = 0; choice < 2; choice++) {
                String where = "seed %d, power cut at boundary %d of %d, choice %d"
                        .formatted(seed, boundary, steady.boundaries(), choice);
                Disks cut = new Disks(created, PowerRail.cutAt(boundary));
                List<Backup> saved = new ArrayList<>();
                try {
                    cut.restore(0, backups.getFirst(), saved::add);
                    throw new AssertionError(where + ": it does not say that it has failed");
                } catch (AssemblyRefused refused) {
                    assertThat(refused.reason().exitCode())
                            .as(refused.sentence())
                            .isEqualTo(74);
                }
                List<byte[]> left = cut.imagesAfterPowerCut(seed + choice);
                Disks.after(left).scan();

                Disks again = Disks.after(left);
                again.restore(0, backups.getFirst(), now -> {});
                assertThat(again.imagesAfterPowerCut(choice).getFirst())
                        .as("%s: done again", where)
                        .isEqualTo(old.getFirst());

                Disks undone = Disks.after(left);
                undone.restore(0, saved.getFirst(), now -> {});
                assertThat(undone.imagesAfterPowerCut(choice).getFirst())
                        .as("%s: undone", where)
                        .isEqualTo(created.getFirst());
            }
        }
    }
}
