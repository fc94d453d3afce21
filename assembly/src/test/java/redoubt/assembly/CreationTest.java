package redoubt.assembly;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.SlotState;
import redoubt.metadata.WriteRound;
import redoubt.metadata.imsm.ImsmFormat;

/** Making arrays: what is planned, what is refused before anything is written, what is said of the disks, and what is written. */
@Tag("slow")
class CreationTest {

    private static final long SEED = 20_260_101;
    private static final int DISK_BYTES = 24 << 20;
    private static final long LIMIT_NANOS = 30_000_000_000L;

    @TempDir
    Path folder;

    private final Rig rig = new Rig();
    private final List<Path> images = new ArrayList<>();

    @AfterEach
    void closeTheRig() {
        rig.close();
    }

    private Disk disk(int number, long bytes, String serial) throws IOException {
        Path path = folder.resolve("disk" + number);
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(bytes);
        }
        images.add(path);
        return new Disk(path.toString(), Optional.of(serial));
    }

    private Disk disk(int number) throws IOException {
        return disk(number, DISK_BYTES, "SER-" + number);
    }

    private List<Disk> disks(int count) throws IOException {
        List<Disk> disks = new ArrayList<>();
        for (int number = 0; number < count; number++) {
            disks.add(disk(number));
        }
        return disks;
    }

    private static List<Optional<Disk>> slots(List<Disk> disks) {
        return disks.stream().map(Optional::of).toList();
    }

    private static Creation.Wish wish(
            String name, RaidLevel level, List<Optional<Disk>> slots, List<Disk> spares, boolean newContainer) {
        return new Creation.Wish(
                name, level, OptionalInt.empty(), OptionalLong.empty(), slots, spares, false, newContainer);
    }

    private Creation open(Creation.Wish wish) throws AssemblyRefused {
        return Creation.open(
                wish, new ImsmFormat(), new FileDisks(rig.heartbeat), LIMIT_NANOS, new Random(SEED), 1_700_000_000L);
    }

    private List<Creation.KnownDisk> make(Creation.Wish wish) throws AssemblyRefused {
        try (Creation creation = open(wish)) {
            return creation.write(bytes -> {});
        }
    }

    private AssemblyRefused refusal(Creation.Wish wish) {
        return catchThrowableOfType(AssemblyRefused.class, () -> open(wish).close());
    }

    private void put(int image, long at, byte[] bytes) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(images.get(image).toFile(), "rw")) {
            file.seek(at);
            file.write(bytes);
        }
    }

    private Scan scan(List<Disk> disks) throws AssemblyRefused {
        return rig.assembly.scan(disks, LIMIT_NANOS);
    }

    // ---------------------------------------------------------------------------------------------- plans

    @Test
    void nothingIsWrittenBeforeWrite() throws Exception {
        List<Disk> disks = disks(2);
        try (Creation creation = open(wish("v", RaidLevel.RAID1, slots(disks), List.of(), false))) {
            assertThat(creation.volume().name()).isEqualTo("v");
            assertThat(creation.filled()).isEmpty();
            assertThat(creation.neighbours()).isEmpty();
        }
        for (Path image : images) {
            assertThat(Likeness.zero(Files.readAllBytes(image))).isTrue();
        }
    }

    /** Goal: no member disagrees with another from the start. Method: members full of seeded bytes; afterwards zeroes where they must agree. */
    @ParameterizedTest
    @CsvSource({
        "RAID0, 2, -1, 0",
        "RAID1, 2, -1, 2",
        "RAID5, 3, -1, 3",
        "RAID10, 4, -1, 4",
        "RAID1, 2, 1, 0",
        "RAID5, 3, 0, 0",
        "RAID10, 4, 1, 2"
    })
    void redundancyIsMadeWhereThereIsAny(RaidLevel level, int count, int missing, int zeroed) throws Exception {
        List<Optional<Disk>> slots = new ArrayList<>(slots(disks(count)));
        byte[] content = new byte[DISK_BYTES];
        new Random(SEED).nextBytes(content);
        for (int image = 0; image < count; image++) {
            put(image, 0, content);
        }
        if (missing >= 0) {
            slots.set(missing, Optional.empty());
        }
        int changed = 0;
        try (Creation creation = open(wish("v", level, slots, List.of(), false))) {
            long component = creation.volume().componentSectors() * 512;
            assertThat(creation.bytesToZero()).isEqualTo(zeroed * component);
            creation.write(bytes -> {});
            for (int image = 0; image < count; image++) {
                byte[] now = Arrays.copyOf(Files.readAllBytes(images.get(image)), (int) component);
                if (!Arrays.equals(now, Arrays.copyOf(content, (int) component))) {
                    assertThat(Likeness.zero(now)).isTrue();
                    changed++;
                }
            }
        }
        assertThat(changed).isEqualTo(zeroed);
    }

    @Test
    void aMissingMemberLeavesItsSlotEmptyAndTheArrayIsReadAllTheSame() throws Exception {
        List<Disk> disks = disks(2);
        make(wish(
                "half",
                RaidLevel.RAID5,
                List.of(Optional.of(disks.get(0)), Optional.empty(), Optional.of(disks.get(1))),
                List.of(),
                false));
        FoundVolume volume = scan(disks).containers().getFirst().volumes().getFirst();
        assertThat(volume.picture().slots())
                .extracting(slot -> slot.state())
                .containsExactly(SlotState.IN_SYNC, SlotState.FAILED, SlotState.IN_SYNC);
        assertThat(rig.digest(disks, "half")).hasSize(64);
    }

    @Test
    void spareStandsByAndAnotherJoinsWithTheSecondVolume() throws Exception {
        List<Disk> disks = disks(4);
        List<Creation.KnownDisk> known = make(new Creation.Wish(
                "v",
                RaidLevel.RAID1,
                OptionalInt.empty(),
                OptionalLong.of(6 << 20),
                slots(disks.subList(0, 2)),
                disks.subList(2, 3),
                false,
                false));
        assertThat(known).extracting(Creation.KnownDisk::spare).containsExactly(false, false, true);
        assertThat(scan(disks.subList(0, 3)).disks())
                .extracting(ScannedDisk::role)
                .containsExactly(ScannedDisk.Role.MEMBER, ScannedDisk.Role.MEMBER, ScannedDisk.Role.SPARE);

        make(wish("w", RaidLevel.RAID1, slots(disks.subList(0, 2)), disks.subList(3, 4), false));
        Scan scan = scan(disks);
        assertThat(scan.containers()).hasSize(1);
        assertThat(scan.containers().getFirst().volumes())
                .extracting(volume -> volume.picture().name())
                .containsExactly("v", "w");
        assertThat(scan.disks().get(3).role()).isEqualTo(ScannedDisk.Role.SPARE);
    }

    // ---------------------------------------------------------------------------------------------- refusals

    @Test
    void whatCannotBeIsRefusedInASentence() throws Exception {
        List<Disk> disks = disks(3);
        Optional<Disk> first = Optional.of(disks.getFirst());
        assertThat(refusal(wish("v", RaidLevel.RAID0, List.of(first, Optional.empty()), List.of(), false)))
                .hasMessageContaining("missing");
        assertThat(refusal(wish("v", RaidLevel.RAID1, slots(disks), List.of(), false)))
                .hasMessageContaining("exactly 2");
        assertThat(refusal(wish("v", RaidLevel.RAID1, List.of(first, first), List.of(), false)))
                .hasMessageContaining("same disk");
        assertThat(refusal(wish("v", RaidLevel.RAID1, slots(disks.subList(0, 2)), disks.subList(0, 1), false)))
                .hasMessageContaining("same disk");
        Disk small = disk(7, 16 << 20, "SMALL");
        assertThat(refusal(wish("v", RaidLevel.RAID1, slots(disks.subList(0, 2)), List.of(small), false)))
                .hasMessageContaining("too small");
        Disk twin = disk(8, DISK_BYTES, "SER-0");
        assertThat(refusal(wish("v", RaidLevel.RAID1, List.of(first, Optional.of(twin)), List.of(), false)))
                .hasMessageContaining("two disks have the serial");
    }

    @Test
    void aContainerThatIsNotWholeIsForgottenOnlyWhenInsistedOn() throws Exception {
        List<Disk> disks = disks(3);
        make(wish("v", RaidLevel.RAID5, slots(disks), List.of(), false));
        AssemblyRefused refused = refusal(wish("w", RaidLevel.RAID1, slots(disks.subList(0, 2)), List.of(), false));
        assertThat(refused.reason()).isEqualTo(AssemblyRefused.Reason.WOULD_LOSE_DATA);
        assertThat(refused).hasMessageContaining("--new-container");
        make(wish("w", RaidLevel.RAID1, slots(disks.subList(0, 2)), List.of(), true));
        assertThat(scan(disks.subList(0, 2)).containers().getFirst().volumes()).hasSize(1);
    }

    // ---------------------------------------------------------------------------------------------- disks that lag
    // behind

    /** Writes the metadata again, a few generations newer, to some of the disks only. */
    private void goOnWithout(List<Disk> disks, int late) throws Exception {
        FoundContainer found = scan(disks).containers().getFirst();
        ContainerMetadata metadata = found.metadata().orElseThrow();
        WriteRound round =
                metadata.newerThan(metadata.picture().generation() + 3).write(Optional.empty());
        for (WriteRound.MemberWrites writes : round.members()) {
            for (WriteRound.Step step : writes.steps()) {
                if (writes.disk() != late && step instanceof WriteRound.Step.Put(long at, var bytes)) {
                    put(writes.disk(), at, bytes.toArray());
                }
            }
        }
    }

    /** Goal: a disk that is behind is left out where the others could go on without it, and only there. */
    @ParameterizedTest
    @CsvSource({"RAID0, 2, MEMBER", "RAID1, 2, STALE", "RAID5, 3, STALE", "RAID10, 4, STALE"})
    void aDiskSeveralWritesBehindIsUsedOnlyWhereTheOthersCouldNotGoOn(RaidLevel level, int count, ScannedDisk.Role role)
            throws Exception {
        List<Disk> disks = disks(count);
        make(wish("v", level, slots(disks), List.of(), false));
        String before = rig.digest(disks, "v");
        goOnWithout(disks, 1);
        assertThat(scan(disks).disks().get(1).role()).isEqualTo(role);
        assertThat(rig.digest(disks, "v")).isEqualTo(before);
    }

    @Test
    void moreDisksWithoutSerialThanCanBeTriedAreToldHowManyToName() throws Exception {
        List<Disk> disks = disks(9);
        make(wish("v", RaidLevel.RAID0, slots(disks), List.of(), false));
        List<Disk> unknown = new ArrayList<>();
        for (Path image : List.copyOf(images)) {
            unknown.add(Disk.at(Files.copy(image, folder.resolve("copy-of-" + image.getFileName()))
                    .toString()));
        }
        assertThat(scan(unknown).containers().getFirst().contradiction().orElse(""))
                .contains("9 disks have no serial", "at least 2 of them", ",serial=SER-0", "SER-8");
    }

    // ---------------------------------------------------------------------------------------------- what is there

    private List<String> holds(Disk... disks) throws AssemblyRefused {
        try (Creation creation = open(wish("v", RaidLevel.RAID0, slots(List.of(disks)), List.of(), true))) {
            return creation.filled().stream()
                    .map(filled ->
                            Path.of(filled.disk().location()).getFileName() + ": " + String.join(", ", filled.holds()))
                    .toList();
        }
    }

    @Test
    void whatIsOnADiskIsNamed() throws Exception {
        byte[] magic = {(byte) 0xFC, 0x4E, 0x2B, (byte) 0xA9};
        byte[] one = Arrays.copyOf(magic, 64);
        one[4] = 1;
        System.arraycopy("host:data".getBytes(StandardCharsets.US_ASCII), 0, one, 32, 9);
        Disk[] disks = disks(7).toArray(Disk[]::new);
        put(0, 4096, one);
        put(1, DISK_BYTES - (64 << 10), magic);
        put(2, DISK_BYTES - 512, new byte[] {(byte) 0xDE, 0x11, (byte) 0xDE, 0x11});
        put(3, 4086, "SWAPSPACE2".getBytes(StandardCharsets.US_ASCII));
        put(4, 512 + 64, new byte[] {7});
        put(5, DISK_BYTES - 8192, one);
        assertThat(holds(disks))
                .containsExactly(
                        "disk0: Linux md metadata 1.2 of 'host:data'",
                        "disk1: Linux md metadata 0.90",
                        "disk2: DDF metadata",
                        "disk3: swap header",
                        "disk4: something that is not known here",
                        "disk5: Linux md metadata 1.0 of 'host:data'");
    }

    /** Goal: no disk with anything on it passes for empty. Method: a single byte at every power of two, and behind the last one. */
    @Test
    void anythingAnywhereIsSomething() throws Exception {
        Disk first = disk(0);
        Disk empty = disk(1);
        assertThat(holds(first, empty)).isEmpty();
        for (long at = 1; at < DISK_BYTES; at *= 2) {
            put(0, at, new byte[] {1});
            assertThat(holds(first, empty)).as("byte %d", at).hasSize(1);
            put(0, at, new byte[] {0});
        }
        put(0, DISK_BYTES - 1, new byte[] {1});
        assertThat(holds(first, empty)).containsExactly("disk0: something that is not known here");
    }

    @Test
    void aDiskThatIsTooLargeToBeProvedEmptyCountsAsFilled() throws Exception {
        Disk disk = disk(0);
        put(0, 0, new byte[8 << 20]); // zeroes that were written, so that no file system can vouch for them
        try (DiskSet set = DiskSet.open(
                List.of(disk), Access.LOOK, LIMIT_NANOS, new FileDisks(rig.heartbeat), new SerialSources(folder))) {
            OpenDisk open = set.disks().getFirst();
            assertThat(Inhabitants.nameless(open, 4 << 20))
                    .hasValueSatisfying(what -> assertThat(what).contains("only 4 MiB"));
            assertThat(Inhabitants.nameless(open, DISK_BYTES)).isEmpty();
        }
    }

    @Test
    void membersAndSparesOfAContainerAreNamedByTheirVolumes() throws Exception {
        List<Disk> disks = disks(3);
        make(wish("old", RaidLevel.RAID0, slots(disks.subList(0, 2)), disks.subList(2, 3), false));
        assertThat(holds(disks.toArray(Disk[]::new)))
                .containsExactly(
                        "disk0: imsm metadata of 'old'",
                        "disk1: imsm metadata of 'old'",
                        "disk2: imsm metadata of a spare");
        put(1, DISK_BYTES - 2 * 512 + 60, new byte[] {1});
        assertThat(holds(disks.toArray(Disk[]::new))).contains("disk1: imsm metadata that is torn");
    }
}
