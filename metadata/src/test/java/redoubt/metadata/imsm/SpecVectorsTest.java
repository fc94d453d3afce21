package redoubt.metadata.imsm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import redoubt.metadata.Bytes;
import redoubt.metadata.ConsistencyPolicy;
import redoubt.metadata.LittleEndian;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.Report;
import redoubt.metadata.VolumePlan;

/** Numbers that were tried against mdadm, one by one. */
class SpecVectorsTest {

    private static ImsmSuper named(int family) throws Exception {
        Rig rig = Rig.spares(2, 131_072, 512);
        rig.add(plan("vol0", 20_480)).add(plan("vol1", 0));
        return rig.mpb().withFamily(family, family);
    }

    private static VolumePlan plan(String name, long memberSectors) {
        return new VolumePlan(
                name,
                RaidLevel.RAID1,
                OptionalInt.empty(),
                memberSectors == 0 ? OptionalLong.empty() : OptionalLong.of(memberSectors),
                List.of(OptionalInt.of(0), OptionalInt.of(1)),
                ConsistencyPolicy.NONE,
                false);
    }

    @Test
    void uuidsOfContainerAndVolumes() throws Exception {
        ImsmSuper mpb = named(0x55667788);
        assertThat(ImsmNames.container(mpb).colonForm()).isEqualTo("b13d1c7b:fc769598:0027c77c:3d2e7990");
        assertThat(ImsmNames.container(mpb).canonicalForm()).isEqualTo("7b1c3db1-9895-76fc-7cc7-270090792e3d");
        assertThat(ImsmNames.volume(mpb, 0).colonForm()).isEqualTo("caa1df42:578180a7:d474d5ec:ef986a86");
        assertThat(ImsmNames.volume(mpb, 1).colonForm()).isEqualTo("59ed1189:1ebabca7:ece2bc5d:9997572c");
    }

    @Test
    void identityIsTheFamilyWhereTheOriginalWasNeverSet() throws Exception {
        ImsmSuper mpb = named(0x55667788);
        assertThat(ImsmNames.container(mpb.withFamily(0x55667788, 0))).isEqualTo(ImsmNames.container(mpb));
    }

    @Test
    void sizesOfARaid5() throws Exception {
        Rig rig = Rig.spares(3, 131_072, 512);
        rig.add(new VolumePlan(
                "r5",
                RaidLevel.RAID5,
                OptionalInt.of(65536),
                OptionalLong.of(32_768),
                List.of(OptionalInt.of(0), OptionalInt.of(1), OptionalInt.of(2)),
                ConsistencyPolicy.NONE,
                false));
        ImsmMap map = rig.dev().vol().map();
        assertThat(rig.dev().sizeSectors()).isEqualTo(65_536);
        assertThat(map.blocksPerMember()).isEqualTo(34_816);
        assertThat(map.dataStripes()).isEqualTo(256);
        assertThat(map.firstSector()).isZero();
        assertThat(rig.volume().componentSectors()).isEqualTo(32_768);
    }

    @Test
    void usableSizesOfMemberAndSpare() throws Exception {
        Rig rig = Rig.spares(3, 131_072, 512);
        rig.add(plan("v", 0));
        assertThat(usable(rig, 0)).isEqualTo("120670");
        assertThat(usable(rig, 2)).isEqualTo("128862");
    }

    private static String usable(Rig rig, int disk) throws Exception {
        Report report = ((redoubt.metadata.Finding.Whole) rig.disks.get(disk).probe())
                .metadata()
                .report(Optional.of(Rig.serial(disk)));
        return report.sections()
                .get(1)
                .field("usable_size")
                .orElseThrow()
                .value()
                .shown();
    }

    @Test
    void pristineSpareBlock() throws Exception {
        Rig rig = Rig.spares(1, 131_072, 512);
        byte[] anchor = rig.disks.getFirst().read(131_070L * 512, 512);
        assertThat(LittleEndian.word(anchor, ImsmHeader.MPB_SIZE_AT)).isEqualTo(264);
        assertThat(LittleEndian.word(anchor, ImsmHeader.GENERATION_AT)).isEqualTo(1);
        assertThat(LittleEndian.word(anchor, ImsmHeader.POWER_CYCLES_AT)).isEqualTo(1);
        assertThat(LittleEndian.word(anchor, ImsmHeader.ATTRIBUTES_AT)).isZero();
        assertThat(LittleEndian.word(anchor, ImsmHeader.ORIGINAL_FAMILY_AT)).isZero();
        int family = LittleEndian.word(anchor, ImsmHeader.FAMILY_AT);
        LittleEndian.putWord(anchor, ImsmHeader.FAMILY_AT, 0);
        assertThat(family).isEqualTo(ImsmChecksum.of(anchor, 264));
    }

    /** What a daemon was seen to do when a member of a RAID5 failed: serial, status, slots, state. */
    @Test
    void failureOfARaid5Member() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID5, 3, 0);
        long generation = rig.mpb().generationUnsigned();
        rig.apply(new MetadataEvent.MemberFailed(0, 1));
        ImsmDisk failed = rig.mpb().disks().get(1);
        assertThat(failed.serialText()).isEqualTo("DISK-B:0");
        assertThat(failed.status()).isEqualTo(0x06);
        assertThat(rig.dev().vol().map().failedSlot()).isEqualTo(1);
        assertThat(rig.dev().vol().map().state()).isEqualTo(ImsmMap.DEGRADED);
        assertThat(rig.mpb().generationUnsigned()).isEqualTo(generation + 1);
        assertThat(rig.lastRound.members()).extracting(m -> m.disk()).containsExactly(0, 2);
    }

    @ParameterizedTest
    @CsvSource({
        "'  WD-WCC 4E:123 ', WD-WCC4E;123",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ, KLMNOPQRSTUVWXYZ",
        "/dev/loop1, /dev/loop1",
        "'', ''",
    })
    void serialsAreNormalised(String reported, String normal) {
        assertThat(ImsmSerial.normal(reported)).isEqualTo(normal);
        assertThat(ImsmSerial.normal(reported + "\0junk")).isEqualTo(normal);
    }

    @ParameterizedTest
    @CsvSource({
        "/dev/loop1, /dev/loop1:0, dev/loop1:0",
        "1234567890123, 1234567890123:0, 234567890123:0",
        "12345678901234, 2345678901234:0, 345678901234:0",
        "1234567890123456, 4567890123456:0, 567890123456:0",
    })
    void serialsOfFailedAndMissingDisks(String serial, String failed, String missing) {
        Bytes marked = ImsmSerial.failed(ImsmSerial.raw(serial));
        assertThat(ImsmSerial.text(marked)).isEqualTo(failed);
        assertThat(ImsmSerial.text(ImsmSerial.missing(marked))).isEqualTo(missing);
    }

    /** The simplified units of the specification: mirrors 512, RAID10 two strips, RAID5 n strips; rebuild 512 or a strip. */
    @Test
    void unitsOfResyncAndRebuild() throws Exception {
        assertThat(unit(RaidLevel.RAID1, 2, new MetadataEvent.ResyncStarted(0))).isEqualTo(512);
        assertThat(unit(RaidLevel.RAID10, 4, new MetadataEvent.ResyncStarted(0)))
                .isEqualTo(256);
        assertThat(unit(RaidLevel.RAID5, 5, new MetadataEvent.ResyncStarted(0))).isEqualTo(5 * 128);
        assertThat(rebuildUnit(RaidLevel.RAID1, 2)).isEqualTo(512);
        assertThat(rebuildUnit(RaidLevel.RAID10, 4)).isEqualTo(512);
        assertThat(rebuildUnit(RaidLevel.RAID5, 3)).isEqualTo(128);
    }

    private static long unit(RaidLevel level, int members, MetadataEvent start) throws Exception {
        return ImsmMigrationUnit.sectors(Rig.of(level, members, 0).apply(start).dev());
    }

    private static long rebuildUnit(RaidLevel level, int members) throws Exception {
        Rig rig = Rig.of(level, members, 1);
        rig.apply(new MetadataEvent.MemberFailed(0, 0));
        rig.apply(new MetadataEvent.RebuildStarted(0, 0, members, Rig.SEEDS));
        return ImsmMigrationUnit.sectors(rig.dev());
    }

    /** Example: anchor, extension and their order on disk; what lies between is written whole. */
    @Test
    void extensionLiesBeforeTheAnchor() throws Exception {
        for (int sector : new int[] {512, 4096}) {
            Rig rig = Rig.of(RaidLevel.RAID0, sector == 512 ? 6 : 80, 0, sector);
            Rig.MemoryDisk disk = rig.disks.getFirst();
            long end = disk.geometry().sizeBytes();
            ImsmPlaces places = ImsmPlaces.of(disk.geometry(), rig.mpb().bytes());
            assertThat(places.extensionSectors()).isPositive();
            assertThat(places.anchorAt()).isEqualTo(end - 2L * sector);
            assertThat(places.extensionAt()).isEqualTo(end - (2L + places.extensionSectors()) * sector);
            byte[] block = rig.mpb().encode(sector);
            assertThat(disk.read(places.extensionAt(), places.extensionBytes()))
                    .isEqualTo(java.util.Arrays.copyOfRange(block, sector, block.length));
        }
    }
}
