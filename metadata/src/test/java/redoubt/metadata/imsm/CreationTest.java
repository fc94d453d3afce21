package redoubt.metadata.imsm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import redoubt.metadata.ConsistencyPolicy;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.NewDisk;
import redoubt.metadata.Objection;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.SlotState;
import redoubt.metadata.VolumePicture;
import redoubt.metadata.VolumePlan;
import redoubt.metadata.VolumeState;

/** Containers and volumes by the rules of mdadm. */
@Tag("slow")
class CreationTest {

    private static final OptionalInt MISSING = OptionalInt.empty();

    private static List<OptionalInt> disks(int... disks) {
        return IntStream.of(disks).mapToObj(OptionalInt::of).toList();
    }

    private static VolumePlan plan(String name, RaidLevel level, int chunk, long sectors, List<OptionalInt> slots) {
        return new VolumePlan(
                name,
                level,
                OptionalInt.of(chunk),
                sectors == 0 ? OptionalLong.empty() : OptionalLong.of(sectors),
                slots,
                ConsistencyPolicy.NONE,
                false);
    }

    /** A wish that cannot be, and a word of the sentence that says why. */
    record Wrong(VolumePlan plan, String word) {
        @Override
        public String toString() {
            return word + ": " + plan;
        }
    }

    static Stream<Wrong> wrongs() {
        List<OptionalInt> two = disks(0, 1);
        List<OptionalInt> three = disks(0, 1, 2);
        return Stream.of(
                new Wrong(plan("", RaidLevel.RAID1, 65536, 0, two), "not lawful"),
                new Wrong(plan("-v", RaidLevel.RAID1, 65536, 0, two), "not lawful"),
                new Wrong(plan("a\nb", RaidLevel.RAID1, 65536, 0, two), "a\\x0ab"),
                new Wrong(plan("seventeen-letters", RaidLevel.RAID1, 65536, 0, two), "not lawful"),
                new Wrong(plan("v", RaidLevel.RAID6, 65536, 0, three), "no raid6"),
                new Wrong(plan("v", RaidLevel.LINEAR, 65536, 0, three), "no linear"),
                new Wrong(plan("v", RaidLevel.RAID1, 65536, 0, three), "exactly 2"),
                new Wrong(plan("v", RaidLevel.RAID5, 65536, 0, two), "3 or more"),
                new Wrong(plan("v", RaidLevel.RAID10, 65536, 0, three), "even number"),
                new Wrong(plan("v", RaidLevel.RAID0, 65536, 0, disks(0)), "2 or more"),
                new Wrong(plan("v", RaidLevel.RAID0, 65537, 0, two), "chunk"),
                new Wrong(plan("v", RaidLevel.RAID0, 0, 0, two), "chunk"),
                new Wrong(plan("v", RaidLevel.RAID0, 1024, 0, two), "chunk"),
                new Wrong(plan("v", RaidLevel.RAID0, 96 * 1024, 0, two), "chunk"),
                new Wrong(plan("v", RaidLevel.RAID0, 32 << 20, 0, two), "chunk"),
                new Wrong(plan("v", RaidLevel.RAID1, 65536, 0, disks(0, 0)), "two slots"),
                new Wrong(plan("v", RaidLevel.RAID1, 65536, 0, disks(0, 9)), "not in the container"),
                new Wrong(plan("v", RaidLevel.RAID0, 65536, 0, List.of(OptionalInt.of(0), MISSING)), "missing"),
                new Wrong(plan("v", RaidLevel.RAID1, 65536, 0, List.of(MISSING, MISSING)), "missing"),
                new Wrong(plan("v", RaidLevel.RAID1, 65536, 1 << 20, two), "there is room for"),
                new Wrong(plan("v", RaidLevel.RAID1, 65536, 2047, two), "smallest volume"),
                new Wrong(plan("v", RaidLevel.RAID1, 65536, Long.MAX_VALUE / 512, two), "there is room for"),
                new Wrong(
                        new VolumePlan(
                                "v",
                                RaidLevel.RAID1,
                                OptionalInt.empty(),
                                OptionalLong.empty(),
                                two,
                                ConsistencyPolicy.PPL,
                                false),
                        "no consistency policy"));
    }

    @ParameterizedTest
    @MethodSource("wrongs")
    void wishesThatCannotBeAreRefusedInASentence(Wrong wrong) throws Exception {
        Rig rig = Rig.spares(4, 131_072, 512);
        List<Objection> objections = Rig.FORMAT.objections(rig.container, wrong.plan());
        assertThat(objections).isNotEmpty();
        assertThat(objections.getFirst().sentence())
                .contains(wrong.word())
                .contains("; ")
                .doesNotContain("\n");
        assertThatThrownBy(() -> Rig.FORMAT.addVolume(rig.container, wrong.plan(), Rig.SEEDS))
                .isInstanceOf(MetadataRefused.class)
                .hasMessage(objections.getFirst().sentence());
    }

    @Test
    void containersThatCannotBe() {
        DiskGeometry small = new DiskGeometry(64 << 20, 512);
        DiskGeometry large = new DiskGeometry(64 << 20, 4096);
        List<List<NewDisk>> wrong = List.of(
                List.of(),
                List.of(new NewDisk(0, small, "", 0)),
                List.of(new NewDisk(0, small, "seventeen-letters", 0)),
                List.of(new NewDisk(0, small, "\u4e2d", 0)),
                List.of(new NewDisk(0, small, "A", 0), new NewDisk(1, small, "A", 0)),
                List.of(new NewDisk(0, small, "A", 0), new NewDisk(1, large, "B", 0)),
                List.of(new NewDisk(0, new DiskGeometry(512_000, 512), "A", 0)),
                List.of(new NewDisk(0, new DiskGeometry((64 << 20) + 1, 512), "A", 0)));
        for (List<NewDisk> disks : wrong) {
            assertThatThrownBy(() -> Rig.FORMAT.create(disks))
                    .as(disks.toString())
                    .isInstanceOf(MetadataRefused.class);
        }
    }

    /** Over a grid: what is made has whole chunks and MiB, lies inside the disks, and is the same when read again. */
    @Test
    void everyShapeIsLawfulAndReadsBack() throws Exception {
        int shapes = 0;
        for (int sector : new int[] {512, 4096}) {
            for (int chunk = 4096; chunk <= 16 << 20; chunk *= 4) {
                for (RaidLevel level : List.of(RaidLevel.RAID0, RaidLevel.RAID5, RaidLevel.RAID10)) {
                    for (int members : new int[] {4, 6}) {
                        Rig rig = Rig.spares(members, 262_144, sector);
                        rig.add(plan(
                                "shape",
                                level,
                                chunk,
                                0,
                                disks(IntStream.range(0, members).toArray())));
                        VolumePicture volume = rig.volume();
                        assertThat(volume.componentSectors() * 512 % chunk).isZero();
                        assertThat(volume.componentSectors() % 2048).isZero();
                        assertThat(volume.componentSectors()).isPositive().isLessThanOrEqualTo(262_144 - 10_402);
                        int data = ImsmGeometry.dataMembers(level, members);
                        assertThat(volume.sizeSectors()).isEqualTo(volume.componentSectors() * data);
                        assertThat(rig.dev().sizeSectors()).isEqualTo(volume.sizeSectors());
                        assertThat(((redoubt.metadata.ContainerChoice.Chosen)
                                                rig.reassembled().getFirst())
                                        .container()
                                        .picture())
                                .isEqualTo(rig.container.picture());
                        shapes++;
                    }
                }
            }
        }
        assertThat(shapes).isGreaterThan(60);
    }

    @Test
    void aSecondVolumeKeepsItsDistance() throws Exception {
        Rig rig = Rig.spares(2, 131_072, 512);
        rig.add(plan("a", RaidLevel.RAID1, 65536, 40_960, disks(0, 1)));
        rig.add(plan("b", RaidLevel.RAID0, 32768, 0, disks(0, 1)));
        ImsmMap second = rig.mpb().devs().get(1).vol().map();
        // The same numbers as in the corpus case of two volumes.
        assertThat(second.firstSector()).isEqualTo(49_152);
        assertThat(second.blocksPerMember()).isEqualTo(71_680);
        assertThat(second.dataStripes()).isEqualTo(1088);
        assertThat(rig.mpb().devs().get(1).volumeId()).isEqualTo(2);
        assertThat(Rig.FORMAT.objections(rig.container, plan("c", RaidLevel.RAID0, 32768, 0, disks(0, 1))))
                .first()
                .extracting(Objection::sentence)
                .asString()
                .contains("2 volumes already");
    }

    @Test
    void aSecondVolumeOnOtherDisksIsRefused() throws Exception {
        Rig rig = Rig.spares(3, 131_072, 512);
        rig.add(plan("a", RaidLevel.RAID1, 65536, 40_960, disks(0, 1)));
        for (List<OptionalInt> slots : List.of(disks(1, 0), disks(0, 2), disks(0, 1, 2))) {
            assertThat(Rig.FORMAT.objections(rig.container, plan("b", RaidLevel.RAID0, 65536, 0, slots)))
                    .isNotEmpty();
        }
        assertThat(Rig.FORMAT.objections(rig.container, plan("a", RaidLevel.RAID0, 65536, 0, disks(0, 1))))
                .isNotEmpty();
    }

    @Test
    void aMemberMayBeMissingFromTheStart() throws Exception {
        Rig rig = Rig.spares(2, 131_072, 512);
        rig.add(plan("v", RaidLevel.RAID5, 65536, 0, List.of(OptionalInt.of(0), MISSING, OptionalInt.of(1))));
        ImsmDisk missing = rig.mpb().disks().get(1);
        assertThat(missing.serialText()).isEqualTo("missing:0");
        assertThat(missing.status()).isEqualTo(0x06);
        assertThat(missing.scsiId()).isEqualTo(-1);
        assertThat(missing.totalBlocks()).isEqualTo(131_072);
        assertThat(rig.volume().computed()).isEqualTo(VolumeState.DEGRADED);
        assertThat(rig.volume().recorded()).isEqualTo(VolumeState.DEGRADED);
        assertThat(rig.volume().slots().get(1).state()).isEqualTo(SlotState.FAILED);
        assertThat(rig.volume().dirty()).isFalse();
    }

    @Test
    void levelsOnDisk() throws Exception {
        assertThat(Rig.of(RaidLevel.RAID10, 4, 0).dev().vol().map().raidLevel()).isEqualTo(1);
        assertThat(Rig.of(RaidLevel.RAID10, 6, 0).dev().vol().map().raidLevel()).isEqualTo(10);
        assertThat(Rig.of(RaidLevel.RAID10, 4, 0).volume().level()).isEqualTo(RaidLevel.RAID10);
        assertThat(Rig.of(RaidLevel.RAID10, 6, 0).volume().layout()).isEqualTo(0x102);
    }

    /** Disks of 2^32 sectors and more, whose high words count only with their attribute. */
    @Test
    void hugeDisks() throws Exception {
        for (int sector : new int[] {512, 4096}) {
            Rig rig = Rig.spares(2, 20L << 30, sector);
            rig.add(plan("huge", RaidLevel.RAID0, 131_072, 0, disks(0, 1)));
            assertThat(rig.mpb().attributes() & ImsmAttributes.DISK_2TB).isNotZero();
            assertThat(rig.mpb().attributes() & ImsmAttributes.VOLUME_2TB).isNotZero();
            assertThat(((redoubt.metadata.ContainerChoice.Chosen)
                                    rig.reassembled().getFirst())
                            .container()
                            .picture())
                    .isEqualTo(rig.container.picture());
            assertThat(rig.volume().sizeSectors()).isGreaterThan(39L << 30);
        }
    }
}
