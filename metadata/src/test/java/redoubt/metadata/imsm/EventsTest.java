package redoubt.metadata.imsm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.metadata.Bytes;
import redoubt.metadata.ConsistencyPolicy;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.Migration;
import redoubt.metadata.Placement;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.SlotState;
import redoubt.metadata.VolumeAccess;
import redoubt.metadata.VolumePicture;
import redoubt.metadata.VolumeState;
import redoubt.metadata.WriteRound.Step;

/** What each event leaves in the block, and what is written for it. */
class EventsTest {

    private static final MetadataEvent FAIL_1 = new MetadataEvent.MemberFailed(0, 1);

    /** Goal: the mark that every first write waits for costs one sector a member. */
    @Test
    void dirtyMarkWritesOnlyTheAnchor() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID5, 3, 0).apply(new MetadataEvent.MarkDirty(0));
        assertThat(rig.volume().dirty()).isTrue();
        assertThat(rig.lastRound.members()).hasSize(3).allSatisfy(member -> {
            assertThat(member.steps()).hasSize(2);
            assertThat(member.steps().get(0)).isInstanceOf(Step.Put.class);
            assertThat(((Step.Put) member.steps().get(0)).bytes().length()).isEqualTo(512);
            assertThat(member.steps().get(1)).isInstanceOf(Step.Flush.class);
        });
    }

    @Test
    void failureWritesTheExtensionFlushedBeforeTheAnchor() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID5, 3, 0).apply(FAIL_1);
        List<Step> steps = rig.lastRound.members().getFirst().steps();
        assertThat(steps).hasSize(4);
        long end = rig.disks.getFirst().geometry().sizeBytes();
        assertThat(((Step.Put) steps.get(0)).offsetBytes()).isEqualTo(end - 3 * 512);
        assertThat(steps.get(1)).isInstanceOf(Step.Flush.class);
        assertThat(((Step.Put) steps.get(2)).offsetBytes()).isEqualTo(end - 2 * 512);
        assertThat(steps.get(3)).isInstanceOf(Step.Flush.class);
    }

    @Test
    void nothingIsCertainSoEverythingIsWritten() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID5, 3, 1);
        List<Step> steps =
                rig.container.write(Optional.empty()).members().getFirst().steps();
        long end = rig.disks.getFirst().geometry().sizeBytes();
        assertThat(steps.getFirst()).isEqualTo(new Step.Put(end - 512, Bytes.zeros(512)));
        assertThat(steps).hasSize(5);
        assertThat(rig.container.write(Optional.empty()).members()).hasSize(4);
    }

    @Test
    void sayingTheSameTwiceChangesNothing() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID1, 2, 0).apply(new MetadataEvent.MarkDirty(0));
        assertThat(rig.container.apply(new MetadataEvent.MarkDirty(0)).sameOnDisk(rig.container))
                .isTrue();
        rig.apply(FAIL_1);
        assertThat(rig.container.apply(FAIL_1).sameOnDisk(rig.container)).isTrue();
        assertThat(rig.container.apply(new MetadataEvent.MarkClean(0)).sameOnDisk(rig.container))
                .isFalse();
    }

    @Test
    void raid0IsNeverDirtyAndDiesWithAMember() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID0, 2, 0);
        assertThat(rig.container.apply(new MetadataEvent.MarkDirty(0))).isEqualTo(rig.container);
        rig.apply(FAIL_1);
        assertThat(rig.volume().recorded()).isEqualTo(VolumeState.FAILED);
    }

    @Test
    void pairsOfRaid10DieTogether() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID10, 4, 0).apply(FAIL_1);
        assertThat(rig.volume().recorded()).isEqualTo(VolumeState.DEGRADED);
        rig.apply(new MetadataEvent.MemberFailed(0, 2));
        assertThat(rig.volume().recorded()).isEqualTo(VolumeState.DEGRADED);
        assertThat(rig.dev().vol().map().failedSlot()).isEqualTo(1);
        rig.apply(new MetadataEvent.MemberFailed(0, 3));
        assertThat(rig.volume().recorded()).isEqualTo(VolumeState.FAILED);
        assertThat(rig.volume().computed()).isEqualTo(VolumeState.FAILED);
    }

    @ParameterizedTest
    @ValueSource(ints = {512, 4096})
    void rebuildFromFailureToNormal(int sectorBytes) throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID5, 3, 1, sectorBytes).apply(FAIL_1);
        int family = rig.mpb().family();
        rig.apply(new MetadataEvent.RebuildStarted(0, 1, 3, Rig.SEEDS));
        assertThat(rig.mpb().family()).isEqualTo(family + Rig.SEEDS.random());
        assertThat(rig.mpb().originalFamily()).isEqualTo(family);
        assertThat(rig.mpb().disks()).extracting(ImsmDisk::serialText).containsExactly("DISK-A", "DISK-C", "DISK-D");
        assertThat(rig.volume().slots().get(1).state()).isEqualTo(SlotState.REBUILDING);
        assertThat(rig.volume().computed()).isEqualTo(VolumeState.DEGRADED);
        assertThat(rig.volume().access()).isInstanceOf(VolumeAccess.ReadOnly.class);

        rig.apply(new MetadataEvent.SyncCheckpoint(0, 128 * 16));
        assertThat(rig.volume().slots().get(1).recoveredSectors()).isEqualTo(128 * 16);
        assertThat(rig.reassembled().getFirst().placements())
                .extracting(Placement::verdict)
                .containsExactly(
                        new Placement.Verdict.Member(0, 0),
                        new Placement.Verdict.Stale(),
                        new Placement.Verdict.Member(1, 0),
                        new Placement.Verdict.Member(2, 0));

        rig.apply(new MetadataEvent.RebuildFinished(0, 1));
        assertThat(rig.volume().recorded()).isEqualTo(VolumeState.NORMAL);
        assertThat(rig.volume().computed()).isEqualTo(VolumeState.NORMAL);
        assertThat(rig.volume().migration()).isEqualTo(Migration.NONE);
        assertThat(rig.dev().vol().map().failedSlot()).isEqualTo(ImsmMap.NO_FAILED_SLOT);
    }

    @Test
    void targetThatFailsEndsTheRebuild() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID1, 2, 1).apply(FAIL_1);
        rig.apply(new MetadataEvent.RebuildStarted(0, 1, 2, Rig.SEEDS)).apply(FAIL_1);
        assertThat(rig.volume().recorded()).isEqualTo(VolumeState.DEGRADED);
        assertThat(rig.volume().migration()).isEqualTo(Migration.NONE);
        assertThat(rig.volume().slots())
                .extracting(s -> s.state())
                .containsExactly(SlotState.IN_SYNC, SlotState.FAILED);
    }

    @Test
    void sourceThatFailsLeavesNothing() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID1, 2, 1).apply(FAIL_1);
        rig.apply(new MetadataEvent.RebuildStarted(0, 1, 2, Rig.SEEDS));
        rig.apply(new MetadataEvent.MemberFailed(0, 0));
        assertThat(rig.volume().computed()).isEqualTo(VolumeState.FAILED);
        assertThat(rig.volume().slots()).extracting(s -> s.state()).doesNotContain(SlotState.IN_SYNC);
    }

    @Test
    void resyncOfANewVolumeAndOfADirtyOne() throws Exception {
        Rig rig = Rig.spares(2, 131_072, 512);
        rig.add(Rig.plan("v", RaidLevel.RAID1, 2, false));
        assertThat(rig.volume().recorded()).isEqualTo(VolumeState.UNINITIALIZED);
        assertThat(rig.volume().resyncFromSectors()).hasValue(0);
        rig.apply(new MetadataEvent.ResyncStarted(0));
        assertThat(rig.volume().migration().kind()).isEqualTo(Migration.Kind.INIT);
        assertThat(rig.volume().computed()).isEqualTo(VolumeState.UNINITIALIZED);
        rig.apply(new MetadataEvent.SyncCheckpoint(0, 5000));
        assertThat(rig.volume().resyncFromSectors()).hasValue(5000 / 512 * 512);
        rig.apply(new MetadataEvent.ResyncFinished(0)).apply(new MetadataEvent.MarkClean(0));
        assertThat(rig.volume().computed()).isEqualTo(VolumeState.NORMAL);
        assertThat(rig.volume().resyncFromSectors()).isEmpty();

        rig.apply(new MetadataEvent.MarkDirty(0)).apply(new MetadataEvent.ResyncStarted(0));
        assertThat(rig.volume().migration().kind()).isEqualTo(Migration.Kind.REPAIR);
        assertThat(rig.dev().vol().migrationType()).isEqualTo(ImsmVol.VERIFY);
        rig.apply(new MetadataEvent.ResyncFinished(0));
        assertThat(rig.dev().status() & ImsmDev.VERIFY_AND_FIX).isZero();
    }

    /** A disk that is only late must not be thrown out at load; at first use it is. */
    @Test
    void missingMembersAreRecordedAtActivation() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID5, 3, 0).apply(new MetadataEvent.DiskGone(2));
        assertThat(rig.volume().slots().get(2).state()).isEqualTo(SlotState.MISSING);
        assertThat(rig.volume().recorded()).isEqualTo(VolumeState.NORMAL);
        rig.apply(new MetadataEvent.VolumeActivated(0));
        ImsmDisk gone = rig.mpb().disks().get(2);
        assertThat(gone.serialText()).isEqualTo("ISK-C:0");
        assertThat(gone.scsiId()).isEqualTo(-1);
        assertThat(gone.status()).isEqualTo(0x06);
        assertThat(rig.volume().recorded()).isEqualTo(VolumeState.DEGRADED);
        assertThat(rig.container.apply(new MetadataEvent.VolumeActivated(0)).sameOnDisk(rig.container))
                .isTrue();
    }

    @Test
    void secondVolumeIsToldOfTheSameDisk() throws Exception {
        Rig rig = Rig.spares(2, 131_072, 512);
        rig.add(small("a")).add(Rig.plan("b", RaidLevel.RAID0, 2, true));
        rig.apply(FAIL_1);
        assertThat(rig.container.picture().volumes())
                .extracting(VolumePicture::recorded)
                .containsExactly(VolumeState.DEGRADED, VolumeState.NORMAL);
        rig.apply(new MetadataEvent.MemberFailed(1, 1));
        assertThat(rig.container.picture().volumes())
                .extracting(VolumePicture::recorded)
                .containsExactly(VolumeState.DEGRADED, VolumeState.FAILED);
        assertThat(rig.mpb().disks().get(1).serialText()).isEqualTo("DISK-B:0");
    }

    /** While another volume names it, the entry of a replaced disk stays in the table. */
    @Test
    void replacedEntryStaysWhileAnotherVolumeNamesIt() throws Exception {
        Rig rig = Rig.spares(3, 131_072, 512);
        rig.add(small("a")).add(Rig.plan("b", RaidLevel.RAID1, 2, true));
        rig.apply(FAIL_1).apply(new MetadataEvent.MemberFailed(1, 1));
        rig.apply(new MetadataEvent.RebuildStarted(0, 1, 2, Rig.SEEDS));
        assertThat(rig.mpb().disks()).hasSize(3);
        rig.apply(new MetadataEvent.RebuildStarted(1, 1, 2, Rig.SEEDS));
        assertThat(rig.mpb().disks()).extracting(ImsmDisk::serialText).containsExactly("DISK-A", "DISK-C");
        assertThat(rig.container.indexOf(2)).hasValue(1);
    }

    private static redoubt.metadata.VolumePlan small(String name) {
        return new redoubt.metadata.VolumePlan(
                name,
                RaidLevel.RAID1,
                java.util.OptionalInt.empty(),
                java.util.OptionalLong.of(20_480),
                List.of(java.util.OptionalInt.of(0), java.util.OptionalInt.of(1)),
                ConsistencyPolicy.NONE,
                true);
    }

    @Test
    void failedDiskMayComeBackAsASpare() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID1, 2, 0).apply(FAIL_1);
        rig.apply(new MetadataEvent.SpareAdded(1, rig.disks.get(1).geometry(), "DISK-B", 0));
        rig.apply(new MetadataEvent.RebuildStarted(0, 1, 1, Rig.SEEDS));
        rig.apply(new MetadataEvent.RebuildFinished(0, 1));
        assertThat(rig.volume().computed()).isEqualTo(VolumeState.NORMAL);
        assertThat(rig.mpb().disks()).extracting(ImsmDisk::serialText).containsExactly("DISK-A", "DISK-B");
    }

    @Test
    void badBlocksAreSplitReplacedAndForgottenWithTheDisk() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID1, 2, 0);
        rig.apply(new MetadataEvent.BadBlocksFound(0, 1, 1000, 700));
        assertThat(rig.mpb().badBlocks().entries())
                .containsExactly(
                        new ImsmBbmLog.Entry(1, 1000, 256),
                        new ImsmBbmLog.Entry(1, 1256, 256),
                        new ImsmBbmLog.Entry(1, 1512, 188));
        rig.apply(new MetadataEvent.BadBlocksFound(0, 1, 1000, 700));
        assertThat(rig.mpb().badBlocks().entries()).hasSize(3);
        assertThat(rig.mpb().attributes() & ImsmAttributes.BBM).isNotZero();
        rig.apply(new MetadataEvent.BadBlocksCleared(0, 1, 1000, 256));
        assertThat(rig.mpb().badBlocks().entries()).hasSize(2);
        rig.apply(FAIL_1);
        assertThat(rig.mpb().badBlocks()).isNull();
        assertThat(rig.mpb().attributes() & ImsmAttributes.BBM).isZero();
    }

    @Test
    void fullBadBlockLogIsRefused() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID1, 2, 0);
        for (int i = 0; i < ImsmBbmLog.ENTRIES_MAX; i++) {
            rig.container = rig.container.apply(new MetadataEvent.BadBlocksFound(0, 0, i * 512L, 8));
        }
        assertThatThrownBy(() -> rig.container.apply(new MetadataEvent.BadBlocksFound(0, 1, 0, 8)))
                .isInstanceOf(MetadataRefused.class)
                .hasMessageContaining("is full");
    }

    @Test
    void policiesThatClaimALogAreServedReadOnly() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID5, 3, 0).apply(new MetadataEvent.PolicyChanged(0, ConsistencyPolicy.PPL));
        assertThat(rig.volume().policy()).isEqualTo(ConsistencyPolicy.PPL);
        assertThat(rig.volume().access()).isInstanceOf(VolumeAccess.ReadOnly.class);
        rig.apply(new MetadataEvent.MarkDirty(0));
        assertThat(rig.dev().vol().dirty()).isEqualTo(3);
        rig.apply(new MetadataEvent.PolicyChanged(0, ConsistencyPolicy.RESYNC));
        assertThat(rig.volume().access()).isInstanceOf(VolumeAccess.ReadWrite.class);
        assertThatThrownBy(() -> rig.container.apply(new MetadataEvent.PolicyChanged(0, ConsistencyPolicy.JOURNAL)))
                .isInstanceOf(MetadataRefused.class);
    }

    @Test
    void eventsAboutNobodyAreRefused() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID1, 2, 1);
        List<MetadataEvent> nonsense = List.of(
                new MetadataEvent.MarkDirty(1),
                new MetadataEvent.MarkDirty(-1),
                new MetadataEvent.MemberFailed(0, 2),
                new MetadataEvent.MemberFailed(0, -1),
                new MetadataEvent.SyncCheckpoint(0, 0),
                new MetadataEvent.RebuildStarted(0, 0, 2, Rig.SEEDS),
                new MetadataEvent.RebuildStarted(0, 0, 99, Rig.SEEDS),
                new MetadataEvent.RebuildFinished(0, 0),
                new MetadataEvent.BadBlocksFound(0, 0, -1, 8),
                new MetadataEvent.BadBlocksFound(0, 0, Long.MAX_VALUE, 8),
                new MetadataEvent.SpareAdded(7, rig.disks.getFirst().geometry(), "DISK-A", 0));
        for (MetadataEvent event : nonsense) {
            assertThatThrownBy(() -> rig.container.apply(event))
                    .as(event.toString())
                    .isInstanceOf(MetadataRefused.class);
        }
    }

    @Test
    void generationGoesOnAndMayBeRaised() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID1, 2, 0);
        long generation = rig.mpb().generationUnsigned();
        rig.apply(new MetadataEvent.MarkDirty(0));
        assertThat(rig.container.picture().generation()).isEqualTo(generation + 1);
        assertThat(rig.container
                        .newerThan(0xFFFFFFF0L)
                        .write(Optional.empty())
                        .image()
                        .picture()
                        .generation())
                .isEqualTo(0xFFFFFFF1L);
        assertThat(rig.container.newerThan(0)).isEqualTo(rig.container);
    }

    /** Generations are compared as numbers: the write behind the last one would be older than all that it replaces. */
    @Test
    void nobodyWritesNearTheLastGeneration() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID1, 2, 0);
        for (long generation : new long[] {0x7FFFFFFFL, 0x80000000L, 0xFEFFFFFFL, 0xFF000000L, 0xFFFFFFFFL}) {
            VolumeAccess access = rig.container
                    .newerThan(generation)
                    .picture()
                    .volumes()
                    .getFirst()
                    .access();
            assertThat(access)
                    .as("generation %x", generation)
                    .isInstanceOf(
                            generation < 0xFF000000L ? VolumeAccess.ReadWrite.class : VolumeAccess.ReadOnly.class);
        }
    }
}
