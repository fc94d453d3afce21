package redoubt.assembly;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
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
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.imsm.ImsmFormat;

/** What a creation overwrites, and a backup brings back. */
class BackupTest {

    private static final long SEED = 20_260_102;
    private static final int DISK_BYTES = 16 << 20;
    private static final long LIMIT_NANOS = 30_000_000_000L;
    private static final long NOW = 1_700_000_000L;

    @TempDir
    Path folder;

    private final Rig rig = new Rig();
    private final List<Disk> disks = new ArrayList<>();
    private final List<byte[]> contents = new ArrayList<>();

    @BeforeEach
    void fillTwoDisks() throws IOException {
        Random random = new Random(SEED);
        for (int number = 0; number < 2; number++) {
            byte[] content = new byte[DISK_BYTES];
            random.nextBytes(content);
            Path path = Files.write(folder.resolve("disk" + number), content);
            disks.add(new Disk(path.toString(), Optional.of("SER-" + number)));
            contents.add(content);
        }
    }

    @AfterEach
    void closeTheRig() {
        rig.close();
    }

    /** Overwrites the metadata of both disks, and not their data, for RAID0 has no redundancy to make. */
    private List<Backup> overwrite() throws AssemblyRefused {
        Creation.Wish wish = new Creation.Wish(
                "v",
                RaidLevel.RAID0,
                OptionalInt.empty(),
                OptionalLong.empty(),
                disks.stream().map(Optional::of).toList(),
                List.of(),
                false,
                false);
        List<Backup> backups = new ArrayList<>();
        try (Creation creation = Creation.open(
                wish, new ImsmFormat(), new FileDisks(rig.heartbeat), LIMIT_NANOS, new Random(SEED), NOW)) {
            for (Disk disk : disks) {
                backups.add(creation.backup(disk, NOW));
            }
            creation.write(bytes -> {});
        }
        return backups;
    }

    private void restore(Backup backup, Disk disk, Backup.Before before) throws AssemblyRefused, IOException {
        backup.restore(disk, new ImsmFormat(), new FileDisks(rig.heartbeat), LIMIT_NANOS, NOW + 1, before);
    }

    private byte[] now(int number) throws IOException {
        return Files.readAllBytes(Path.of(disks.get(number).location()));
    }

    private boolean holds(int number, byte[] content) throws IOException {
        return Arrays.equals(now(number), content);
    }

    @Test
    void everyByteThatCreationOverwroteComesBack() throws Exception {
        List<Backup> backups = overwrite();
        for (int number = 0; number < 2; number++) {
            assertThat(holds(number, contents.get(number))).as("creation wrote").isFalse();
            Backup read = Backup.ofBytes(backups.get(number).toBytes(), "backup");
            assertThat(read.location()).isEqualTo(disks.get(number).location());
            assertThat(read.epochSeconds()).isEqualTo(NOW);
            restore(read, disks.get(number), until -> {});
            assertThat(holds(number, contents.get(number))).isTrue();
        }
    }

    @Test
    void restoringIsUndoneByWhatItSaves() throws Exception {
        Backup backup = overwrite().getFirst();
        byte[] created = now(0);
        List<Backup> saved = new ArrayList<>();
        restore(backup, disks.getFirst(), saved::add);
        restore(saved.getFirst(), disks.getFirst(), until -> {});
        assertThat(holds(0, created)).isTrue();
    }

    @Test
    void nothingIsWrittenWhenWhatStandsThereCannotBeSaved() throws Exception {
        Backup backup = overwrite().getFirst();
        byte[] created = now(0);
        assertThatThrownBy(() -> restore(backup, disks.getFirst(), until -> {
                    throw new IOException("no space");
                }))
                .hasMessage("no space");
        assertThat(holds(0, created)).isTrue();
    }

    @Test
    void aDiskOfAnotherSizeIsAnotherDisk() throws Exception {
        Backup backup = overwrite().getFirst();
        Path other = Files.write(folder.resolve("other"), new byte[DISK_BYTES + 512]);
        AssemblyRefused refused = catchThrowableOfType(
                AssemblyRefused.class, () -> restore(backup, Disk.at(other.toString()), until -> {}));
        assertThat(refused.reason()).isEqualTo(AssemblyRefused.Reason.WOULD_LOSE_DATA);
        assertThat(Likeness.zero(Files.readAllBytes(other))).isTrue();
    }

    /** Goal: no damaged backup is put on a disk. Method: every byte of the frame flipped, every length cut, and many of the content. */
    @Test
    void aDamagedBackupIsRefused() throws Exception {
        byte[] whole = overwrite().getFirst().toBytes();
        Random random = new Random(SEED);
        for (int trial = 0; trial < 300; trial++) {
            byte[] damaged = whole.clone();
            int at =
                    trial < 100 ? trial : trial < 150 ? whole.length - 1 - (trial - 100) : random.nextInt(whole.length);
            damaged[at] ^= (byte) (1 << random.nextInt(8));
            assertThat(catchThrowableOfType(AssemblyRefused.class, () -> Backup.ofBytes(damaged, "b")))
                    .as("byte %d, seed %d", at, SEED)
                    .isNotNull()
                    .hasMessageContaining("damaged");
        }
        for (int length : new int[] {0, 1, 16, 17, 32, 49, 60, whole.length / 2, whole.length - 1}) {
            assertThat(catchThrowableOfType(
                            AssemblyRefused.class, () -> Backup.ofBytes(Arrays.copyOf(whole, length), "b")))
                    .as("cut to %d", length)
                    .isNotNull();
        }
    }
}
