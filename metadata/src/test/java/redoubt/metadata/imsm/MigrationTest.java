package redoubt.metadata.imsm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.metadata.Finding;
import redoubt.metadata.LittleEndian;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.ReadFailed;
import redoubt.metadata.Report;
import redoubt.metadata.VolumeAccess;

/** Volumes that this engine does not write, or not even reads: caught in a reshape, or with a log against the write hole. */
class MigrationTest {

    private static final long SEED = 20_261_123L;
    private static final int RESHAPE = 3;
    private static final int STATE_CHANGE = 4;
    private static final int DEV = ImsmHeader.BYTES + 3 * ImsmDisk.BYTES;
    private static final int RWH_POLICY_AT = DEV + 50;
    private static final int MIGRATION_TYPE_AT = DEV + 80 + 9;

    /** The words of the record in their order, each half of a number apart. */
    private static byte[] record(int sectorBytes) {
        int[] words = {1, 0x11, 0xFA111000, 1, 4096, 2048, 0x1000, 0x8800, 0x99, 0xABCDE, 0x5, 2, 0x21, 0x22, 0x23, 0x24
        };
        byte[] sector = new byte[sectorBytes];
        for (int i = 0; i < words.length; i++) {
            LittleEndian.putWord(sector, 4 * i, words[i]);
        }
        return sector;
    }

    /** Goal: every field is found at its place; what counts blocks is in 512-byte sectors, what counts units stays as it is. */
    @ParameterizedTest
    @CsvSource({"512, 1", "4096, 8"})
    void everyFieldOfTheRecordIsAtItsPlace(int sectorBytes, int unit) {
        assertThat(ImsmMigrationRecord.read(record(sectorBytes), unit))
                .isEqualTo(new ImsmMigrationRecord(
                        1,
                        0x21_0000_0011L,
                        0xFA111000,
                        1,
                        4096L * unit,
                        2048L * unit,
                        0x22_0000_1000L * unit,
                        0x23_0000_8800L * unit,
                        0x24_0000_0099L,
                        0x5_000A_BCDEL * unit,
                        2));
    }

    /** A volume that a resync has been begun on, so that it has two maps, and the type of that migration changed. */
    private static Rig migrating(int type, int sectorBytes) throws MetadataRefused {
        Rig rig = Rig.of(RaidLevel.RAID5, 3, 0, sectorBytes).apply(new MetadataEvent.ResyncStarted(0));
        byte[] block = rig.mpb().encode(sectorBytes);
        block[MIGRATION_TYPE_AT] = (byte) type;
        rig.disks.forEach(disk -> disk.writeBlock(block.clone(), rig.mpb().bytes()));
        return rig;
    }

    private static ImsmDiskMetadata whole(Rig rig) throws ReadFailed {
        Finding finding = rig.disks.getFirst().probe();
        assertThat(finding).isInstanceOf(Finding.Whole.class);
        return (ImsmDiskMetadata) ((Finding.Whole) finding).metadata();
    }

    private static VolumeAccess access(Rig rig) throws ReadFailed {
        return whole(rig).picture().volumes().getFirst().access();
    }

    @ParameterizedTest
    @ValueSource(ints = {512, 4096})
    void aVolumeInAReshapeIsBlockedAndItsRecordShown(int sectorBytes) throws Exception {
        Rig rig = migrating(RESHAPE, sectorBytes);
        Rig.MemoryDisk disk = rig.disks.getFirst();
        disk.write(disk.geometry().sizeBytes() - sectorBytes, record(sectorBytes));
        assertThat(access(rig))
                .isInstanceOfSatisfying(
                        VolumeAccess.Blocked.class,
                        blocked -> assertThat(blocked.because()).contains("reshape"));
        ImsmDiskMetadata found = whole(rig);
        assertThat(found.migrationRecord()).contains(ImsmMigrationRecord.read(record(sectorBytes), sectorBytes / 512));
        assertThat(shown(found, "current_unit")).isEqualTo(Long.toString(0x21_0000_0011L));
        assertThat(shown(found, "blocks_per_unit")).isEqualTo(Integer.toString(4096 * (sectorBytes / 512)));
    }

    private static String shown(ImsmDiskMetadata found, String key) {
        return found.report(Optional.empty()).sections().stream()
                .filter(section -> section.about() == Report.About.MIGRATION)
                .findFirst()
                .flatMap(section -> section.field(key))
                .orElseThrow()
                .value()
                .shown();
    }

    @ParameterizedTest
    @ValueSource(ints = {512, 4096})
    void aStateChangeIsBlocked(int sectorBytes) throws Exception {
        assertThat(access(migrating(STATE_CHANGE, sectorBytes)))
                .isInstanceOfSatisfying(
                        VolumeAccess.Blocked.class,
                        blocked -> assertThat(blocked.because()).contains("state change"));
    }

    /** Goal: whatever stands in the last sector, it is shown, no number turns round, and the disk stays a member. */
    @ParameterizedTest
    @ValueSource(ints = {512, 4096})
    void aRecordThatLiesIsShownAndDoesNoHarm(int sectorBytes) throws Exception {
        Rig rig = migrating(RESHAPE, sectorBytes);
        Random random = new Random(SEED);
        for (int round = 0; round < 200; round++) {
            byte[] sector = new byte[sectorBytes];
            if (round == 0) {
                Arrays.fill(sector, (byte) 0xFF);
            } else {
                random.nextBytes(sector);
            }
            Rig.MemoryDisk disk = rig.disks.getFirst();
            disk.write(disk.geometry().sizeBytes() - sectorBytes, sector);
            ImsmDiskMetadata found = whole(rig);
            ImsmMigrationRecord record = found.migrationRecord().orElseThrow();
            assertThat(List.of(
                            record.unit(),
                            record.blocksPerUnit(),
                            record.depthPerUnit(),
                            record.copyAreaSector(),
                            record.firstMemberSector(),
                            record.units(),
                            record.sizeAfterSectors()))
                    .allMatch(number -> number >= 0);
            if (round == 0) {
                assertThat(record.copyAreaSector()).isEqualTo(Long.MAX_VALUE);
            }
            assertThat(found.report(Optional.of(Rig.serial(0))).sections()).isNotEmpty();
            assertThat(access(rig)).isInstanceOf(VolumeAccess.Blocked.class);
        }
    }

    /** Goal: a log that a write would leave stale makes the volume read-only, and the reason is said. */
    @ParameterizedTest
    @CsvSource({
        "0, ''",
        "5, ''",
        "1, PPL distributed",
        "2, PPL journaling drive",
        "3, Multiple distributed PPLs",
        "4, Multiple PPLs on journaling drive",
        "6, Write-intent bitmap",
        "7, <unknown:7>",
        "255, <unknown:255>"
    })
    void aWriteHolePolicyThatIsNotOffIsReadOnly(int policy, String words) throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID5, 3, 0);
        byte[] block = rig.mpb().encode(512);
        block[RWH_POLICY_AT] = (byte) policy;
        rig.disks.getFirst().writeBlock(block, rig.mpb().bytes());
        if (words.isEmpty()) {
            assertThat(access(rig)).isInstanceOf(VolumeAccess.ReadWrite.class);
        } else {
            assertThat(access(rig))
                    .isInstanceOfSatisfying(
                            VolumeAccess.ReadOnly.class,
                            only -> assertThat(only.because())
                                    .contains("write-hole policy is '%s'".formatted(words))
                                    .contains("replay"));
        }
    }
}
