package redoubt.metadata.imsm;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.metadata.Candidate;
import redoubt.metadata.ContainerChoice;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.Finding;
import redoubt.metadata.LittleEndian;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.Placement;
import redoubt.metadata.Placement.Verdict;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.SlotState;
import redoubt.metadata.VolumePicture;
import redoubt.metadata.VolumeState;
import redoubt.metadata.WriteRound;
import redoubt.metadata.WriteRound.MemberWrites;
import redoubt.metadata.WriteRound.Step;

/** Which metadata wins where disks disagree: after power cuts, after split lives, with copies and strangers. */
class ChoiceTest {

    private static ContainerChoice.Chosen chosen(List<ContainerChoice> choices) {
        assertThat(choices).hasSize(1);
        assertThat(choices.getFirst()).isInstanceOf(ContainerChoice.Chosen.class);
        return (ContainerChoice.Chosen) choices.getFirst();
    }

    /** A change during which the power may go; without an event it is a rebuild that begins. */
    record Change(RaidLevel level, int members, Optional<MetadataEvent> event) {}

    static Stream<Change> changes() {
        return Stream.of(
                new Change(RaidLevel.RAID1, 2, Optional.of(new MetadataEvent.MarkDirty(0))),
                new Change(RaidLevel.RAID5, 4, Optional.of(new MetadataEvent.MarkDirty(0))),
                new Change(RaidLevel.RAID5, 4, Optional.of(new MetadataEvent.MemberFailed(0, 2))),
                new Change(RaidLevel.RAID10, 4, Optional.of(new MetadataEvent.MemberFailed(0, 0))),
                new Change(RaidLevel.RAID5, 3, Optional.of(new MetadataEvent.ResyncStarted(0))),
                new Change(RaidLevel.RAID5, 4, Optional.empty()),
                new Change(RaidLevel.RAID1, 2, Optional.empty()));
    }

    /**
     * Goal: no container is lost to a power cut in a round of metadata writes. Method: carry out the round up to each step (each write also
     * torn in the middle of an extension), then assemble from what the disks say: the volume must be there with all its data, every disk
     * that counted before still placed, and never a failed one.
     */
    @ParameterizedTest
    @MethodSource("changes")
    void powerCutInEveryStepOfARound(Change change) throws Exception {
        for (int cut = 0; ; cut++) {
            Rig rig = Rig.of(change.level(), change.members(), 1);
            if (change.event().isEmpty()) {
                rig.apply(new MetadataEvent.MemberFailed(0, 1));
            }
            MetadataEvent event =
                    change.event().orElse(new MetadataEvent.RebuildStarted(0, 1, change.members(), Rig.SEEDS));
            WriteRound round = rig.container.apply(event).write(Optional.of(rig.container));
            int steps = 0;
            boolean cutShort = false;
            for (MemberWrites member : round.members()) {
                for (Step step : member.steps()) {
                    if (steps++ == cut) {
                        cutShort = true;
                    }
                    if (!cutShort) {
                        Rig.carryOut(rig.disks.get(member.disk()), List.of(step));
                    }
                }
            }
            ContainerChoice.Chosen after = chosen(rig.reassembled());
            VolumePicture volume = after.container().picture().volumes().getFirst();
            assertThat(volume.computed())
                    .as(change + " cut before step " + cut + ": " + volume)
                    .isIn(VolumeState.NORMAL, VolumeState.DEGRADED);
            long inSync = volume.slots().stream()
                    .filter(slot -> slot.state() == SlotState.IN_SYNC)
                    .count();
            boolean lossless = event instanceof MetadataEvent.MarkDirty || event instanceof MetadataEvent.ResyncStarted;
            assertThat(inSync).isGreaterThanOrEqualTo(lossless ? change.members() : change.members() - 1);
            if (!cutShort) {
                return;
            }
        }
    }

    /** Two halves of a mirror that each ran alone must never be mixed, whichever wrote more. */
    @Test
    void splitLivesAreAContradiction() throws Exception {
        for (boolean withSerials : new boolean[] {true, false}) {
            Rig rig = Rig.of(RaidLevel.RAID1, 2, 0);
            ContainerMetadata before = rig.container;
            liveAlone(rig, before, 0, 1, 3);
            liveAlone(rig, before, 1, 0, 1);
            List<ContainerChoice> choices =
                    Rig.FORMAT.choose(List.of(rig.candidate(0, withSerials), rig.candidate(1, withSerials)));
            assertThat(choices).hasSize(1);
            assertThat(choices.getFirst()).isInstanceOf(ContainerChoice.Contradiction.class);
            assertThat(((ContainerChoice.Contradiction) choices.getFirst()).because())
                    .contains("each went on without the other")
                    .contains("leave out");
            assertThat(chosen(Rig.FORMAT.choose(List.of(rig.candidate(1, withSerials))))
                            .container()
                            .picture()
                            .volumes())
                    .hasSize(1);
        }
    }

    /** A disk that failed long ago is whole, and the only one that was written since is damaged: neither is taken for the other. */
    @Test
    void aStaleDiskIsNotBelievedBecauseTheNewestIsDamaged() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID1, 2, 0);
        rig.apply(new MetadataEvent.MarkDirty(0));
        Candidate stale = rig.candidate(1, true);
        rig.apply(new MetadataEvent.MemberFailed(0, 1));
        rig.apply(new MetadataEvent.MarkClean(0));
        byte[] damaged = rig.mpb().encode(512);
        damaged[300] ^= 1;
        rig.disks.getFirst().write(196_606L * 512, damaged);
        Candidate newest = rig.candidate(0, true);
        assertThat(newest.finding()).isInstanceOf(Finding.Torn.class);
        assertThat(Rig.FORMAT.choose(List.of(newest, stale)).getFirst())
                .isInstanceOfSatisfying(
                        ContainerChoice.Contradiction.class,
                        contradiction -> assertThat(contradiction.because()).contains("leave out"));
        assertThat(chosen(Rig.FORMAT.choose(List.of(stale))).placements()).hasSize(1);
    }

    /**
     * Goal: the last disk that counts is not lost to a power cut. Method: two volumes, whose second dirty mark stands in the extension; the disk
     * that failed is whole, and the write to the other is cut before the anchor.
     */
    @Test
    void whereADirtyMarkWasCutTheVolumeIsDirty() throws Exception {
        Rig rig = Rig.twoMirrors();
        Candidate stale = rig.candidate(1, true);
        rig.apply(new MetadataEvent.MemberFailed(0, 1));
        rig.apply(new MetadataEvent.MemberFailed(1, 1));
        for (MetadataEvent event : List.of(new MetadataEvent.MarkDirty(1), new MetadataEvent.MarkClean(1))) {
            WriteRound round = rig.container.apply(event).write(Optional.of(rig.container));
            Rig.carryOut(
                    rig.disks.getFirst(), round.members().getFirst().steps().subList(0, 1));
            ContainerChoice.Chosen cut = chosen(Rig.FORMAT.choose(List.of(rig.candidate(0, true), stale)));
            assertThat(cut.container().picture().generation())
                    .isEqualTo(rig.container.picture().generation());
            assertThat(cut.container().picture().volumes().get(0).dirty()).isFalse();
            assertThat(cut.container().picture().volumes().get(1).dirty()).isTrue();
            assertThat(cut.placements().get(1).verdict()).isInstanceOf(Verdict.Stale.class);

            // What is written next is written whole, since the extension is not what was read.
            WriteRound again = cut.container().apply(event).write(Optional.of(cut.container()));
            Rig.carryOut(rig.disks.getFirst(), again.members().getFirst().steps());
            rig.container = chosen(Rig.FORMAT.choose(List.of(rig.candidate(0, true), stale)))
                    .container();
            assertThat(rig.container.picture().volumes().get(1).dirty())
                    .isEqualTo(event instanceof MetadataEvent.MarkDirty);
        }
    }

    /** Goal: a change that weighs as much in a sum as a dirty mark never makes a dirty volume clean. Method: one of the policy, by hand. */
    @Test
    void whatOnlyLooksLikeACutMarkLeavesTheVolumeDirty() throws Exception {
        Rig rig = Rig.twoMirrors();
        Candidate stale = rig.candidate(1, true);
        rig.apply(new MetadataEvent.MemberFailed(0, 1));
        rig.apply(new MetadataEvent.MemberFailed(1, 1));
        rig.apply(new MetadataEvent.MarkDirty(1));
        ImsmSuper lone = rig.mpb();
        byte[] torn = lone.encode(512);
        int second = ImsmHeader.BYTES
                + ImsmDisk.BYTES * lone.disks().size()
                + lone.devs().getFirst().bytes();
        int policy = second + 50;
        assertThat(second + ImsmDev.DIRTY_AT - policy)
                .as("they stand in the same byte of a word")
                .matches(apart -> apart % 4 == 0);
        torn[policy]++;
        rig.disks.getFirst().write(196_605L * 512, Arrays.copyOfRange(torn, 512, torn.length));
        assertThat(rig.disks.getFirst().probe()).isInstanceOf(Finding.Torn.class);

        ContainerChoice.Chosen cut = chosen(Rig.FORMAT.choose(List.of(rig.candidate(0, true), stale)));

        assertThat(cut.container().picture().volumes().get(1).dirty()).isTrue();
    }

    /** Goal: where a volume migrates, no sum that happens to fit is taken for a mark. Method: a checkpoint that moves by what a mark weighs. */
    @Test
    void noMarkIsGuessedWhileAVolumeMigrates() throws Exception {
        Rig rig = Rig.twoMirrors();
        ImsmSuper before = rig.mpb();
        ImsmDev second = before.devs().get(1);
        ImsmVol vol = second.vol();
        ImsmVol verifying = new ImsmVol(
                0,
                vol.checkpointId(),
                1,
                ImsmVol.VERIFY,
                ImsmVol.DIRTY,
                vol.fsState(),
                vol.verifyErrors(),
                vol.badBlocks(),
                vol.filler(),
                vol.map(),
                vol.map());
        byte[] whole = before.withDevs(List.of(before.devs().get(0), second.withVol(verifying)))
                .encode(512);
        int at = ImsmHeader.BYTES
                + ImsmDisk.BYTES * before.disks().size()
                + before.devs().getFirst().bytes();
        rig.disks.getFirst().writeBlock(whole, (int) LittleEndian.u32(whole, ImsmHeader.MPB_SIZE_AT));
        assertThat(rig.disks.getFirst().probe()).isInstanceOf(Finding.Whole.class);
        whole[at + 80 + 2]++; // the checkpoint, in units
        rig.disks.getFirst().write(196_605L * 512, Arrays.copyOfRange(whole, 512, whole.length));

        assertThat(rig.disks.getFirst().probe())
                .isInstanceOfSatisfying(
                        Finding.Torn.class,
                        found -> assertThat(found.believable()).isEmpty());
    }

    /** Goal and method as above. The first volume has gone on without the disk whose failure in the second one is being recorded. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void aFailureInTheSecondVolumeThatWasCutIsBelieved(int lost) throws Exception {
        Rig rig = Rig.twoMirrors();
        Candidate stale = rig.candidate(lost, true);
        rig.apply(new MetadataEvent.MemberFailed(0, lost));
        WriteRound round =
                rig.container.apply(new MetadataEvent.MemberFailed(1, lost)).write(Optional.of(rig.container));
        MemberWrites survivor = round.members().getFirst();
        Rig.carryOut(rig.disks.get(1 - lost), survivor.steps().subList(0, 1));
        ContainerChoice.Chosen cut = chosen(Rig.FORMAT.choose(List.of(rig.candidate(1 - lost, true), stale)));
        assertThat(cut.container().picture().generation())
                .isEqualTo(rig.container.picture().generation());
        assertThat(ImsmContainer.of(cut.container()).mpb().devs())
                .isEqualTo(ImsmContainer.of(round.image()).mpb().devs());
        assertThat(cut.placements().get(lost).verdict()).isInstanceOf(Verdict.Stale.class);
    }

    /** Goal and method as above. The log stands behind the volumes; entries that are new to it are forgotten, the others stay. */
    @Test
    void entriesOfTheBadBlockLogThatWereCutAreForgotten() throws Exception {
        Rig rig = Rig.twoMirrors();
        Candidate stale = rig.candidate(1, true);
        rig.apply(new MetadataEvent.MemberFailed(0, 1));
        rig.apply(new MetadataEvent.MemberFailed(1, 1));
        rig.apply(new MetadataEvent.MarkDirty(0));
        for (int found = 0; found < 5; found++) {
            ContainerMetadata before = rig.container;
            MetadataEvent event = new MetadataEvent.BadBlocksFound(0, 0, 4096L * found, 8 + 300 * found);
            List<Step> steps = before.apply(event)
                    .write(Optional.of(before))
                    .members()
                    .getFirst()
                    .steps();
            Rig.carryOut(rig.disks.getFirst(), steps.subList(0, 1));
            ContainerChoice.Chosen cut = chosen(Rig.FORMAT.choose(List.of(rig.candidate(0, true), stale)));
            assertThat(ImsmContainer.of(cut.container()).mpb().badBlocks())
                    .isEqualTo(ImsmContainer.of(before).mpb().badBlocks());
            assertThat(cut.container().picture().generation())
                    .isEqualTo(before.picture().generation());
            assertThat(cut.placements().get(1).verdict()).isInstanceOf(Verdict.Stale.class);
            rig.apply(event);
        }
        assertThat(rig.mpb().badBlocks()).isNotNull();
    }

    /** Goal: a dirty volume is not taken for a clean one. Method: both marks stand in the extension, and a sum tells only that one was made. */
    @Test
    void whereEitherMarkMayHaveBeenCutBothVolumesAreDirty() throws Exception {
        Rig rig = Rig.twoVolumes(RaidLevel.RAID5, 5);
        rig.apply(new MetadataEvent.MarkDirty(1));
        WriteRound round = rig.container.apply(new MetadataEvent.MarkDirty(0)).write(Optional.of(rig.container));
        Rig.carryOut(rig.disks.getFirst(), round.members().getFirst().steps().subList(0, 1));
        ContainerChoice.Chosen cut = chosen(Rig.FORMAT.choose(List.of(rig.candidate(0, true))));
        assertThat(cut.container().picture().volumes()).allMatch(VolumePicture::dirty);
    }

    /** Goal: one power cut refuses no array. Method: the disk that is written first has a block that could be healed; the others have the old one. */
    @Test
    void aCutWriteIsNotBelievedBesideWholeBlocksThatAreAsNew() throws Exception {
        for (MetadataEvent event : List.of(
                new MetadataEvent.MarkDirty(0), new MetadataEvent.MarkClean(1), new MetadataEvent.MemberFailed(1, 2))) {
            for (int first = 0; first < 4; first++) { // a disk that failed is not written
                Rig rig = Rig.twoVolumes(RaidLevel.RAID5, 5);
                rig.apply(new MetadataEvent.MarkDirty(1));
                WriteRound round = rig.container.apply(event).write(Optional.of(rig.container));
                MemberWrites cut = round.members().get(first);
                Rig.carryOut(rig.disks.get(cut.disk()), cut.steps().subList(0, 1));
                List<Candidate> all = new ArrayList<>();
                for (int disk = 0; disk < 5; disk++) {
                    all.add(rig.candidate(disk, true));
                }

                List<VolumePicture> volumes =
                        chosen(Rig.FORMAT.choose(all)).container().picture().volumes();

                assertThat(volumes.get(0).dirty())
                        .as("%s on disk %d", event, first)
                        .isFalse();
                assertThat(volumes.get(1).dirty())
                        .as("%s on disk %d", event, first)
                        .isTrue();
            }
        }
    }

    /** Goal: a stale disk is not read because the serials were given the wrong way round. Method: a mirror that lost a disk, both exchanged. */
    @Test
    void exchangedSerialsDoNotMakeTheFailedDiskTheGoodOne() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID1, 2, 0);
        rig.apply(new MetadataEvent.MemberFailed(0, 1));
        rig.apply(new MetadataEvent.MarkDirty(0));
        for (String serialOfTheOther : List.of(Rig.serial(0), "STRANGER")) {
            Candidate newest = named(rig.candidate(0, true), Rig.serial(1));
            Candidate stale = named(rig.candidate(1, true), serialOfTheOther);

            assertThat(Rig.FORMAT.choose(List.of(newest, stale)).getFirst())
                    .isInstanceOfSatisfying(
                            ContainerChoice.Contradiction.class,
                            contradiction -> assertThat(contradiction.because())
                                    .contains("does not count in the serial 'DISK-B'")
                                    .contains("give the disks their own serials"));
        }
    }

    /** Goal and method as above, on levels where more than one disk has the newest block. */
    @ParameterizedTest
    @CsvSource({"RAID5, 3", "RAID5, 4", "RAID10, 4"})
    void aMisnamedDiskBesideOthersWithTheNewestBlockIsAContradiction(RaidLevel level, int members) throws Exception {
        Rig rig = Rig.of(level, members, 0);
        rig.apply(new MetadataEvent.MemberFailed(0, 0));
        rig.apply(new MetadataEvent.MarkDirty(0));
        for (String[] names : new String[][] {{Rig.serial(1), Rig.serial(0)}, {Rig.serial(1), "STRANGER"}}) {
            List<Candidate> given = new ArrayList<>();
            given.add(named(rig.candidate(0, true), names[0]));
            given.add(named(rig.candidate(1, true), names[1]));
            for (int disk = 2; disk < members; disk++) {
                given.add(rig.candidate(disk, true));
            }
            assertThat(Rig.FORMAT.choose(given).getFirst())
                    .isInstanceOfSatisfying(
                            ContainerChoice.Contradiction.class,
                            contradiction -> assertThat(contradiction.because())
                                    .contains("does not count in the serial '%s'".formatted(names[1])));
        }
    }

    /** Goal: a copy of a member that is attached beside its original harms nothing. Method: it has a serial of its own, and all that count are there. */
    @Test
    void aCopyBesideItsOriginalIsLeftOut() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID5, 3, 0);
        rig.apply(new MetadataEvent.MemberFailed(0, 0));
        Candidate copy = new Candidate(
                3,
                rig.disks.get(1).geometry(),
                Optional.of("STRANGER"),
                rig.disks.get(1).probe());

        ContainerChoice.Chosen chosen = chosen(Rig.FORMAT.choose(
                List.of(rig.candidate(0, true), rig.candidate(1, true), rig.candidate(2, true), copy)));

        assertThat(chosen.placements())
                .filteredOn(placement -> placement.verdict() instanceof Verdict.Stale)
                .extracting(Placement::disk)
                .containsExactlyInAnyOrder(0, 3);
    }

    /** Goal: as for whole blocks. Method: the survivor's next write is cut, and the serials of the mirror are exchanged. */
    @Test
    void exchangedSerialsAreSeenOnATornBlockToo() throws Exception {
        Rig rig = Rig.twoMirrors();
        Candidate stale = named(rig.candidate(1, true), Rig.serial(0));
        rig.apply(new MetadataEvent.MemberFailed(0, 1));
        byte[] torn = rig.mpb().encode(512);
        Arrays.fill(torn, 580, 592, (byte) 0x5A);
        rig.disks.getFirst().write(196_605L * 512, Arrays.copyOfRange(torn, 512, torn.length));

        assertThat(Rig.FORMAT
                        .choose(List.of(named(rig.candidate(0, true), Rig.serial(1)), stale))
                        .getFirst())
                .isInstanceOf(ContainerChoice.Contradiction.class);
    }

    /** Goal: a serial that nobody knows ends in a sentence. Method: it is given to the only disk that is whole. */
    @Test
    void aWholeDiskWithAStrangeSerialBesideADamagedOneIsAContradiction() throws Exception {
        Rig rig = Rig.twoMirrors();
        byte[] damaged = rig.mpb().encode(512);
        rig.disks.getFirst().write(196_605L * 512, new byte[damaged.length - 512]);
        assertThat(rig.disks.getFirst().probe()).isInstanceOf(Finding.Torn.class);

        assertThat(Rig.FORMAT
                        .choose(List.of(rig.candidate(0, true), named(rig.candidate(1, true), "STRANGER")))
                        .getFirst())
                .isInstanceOfSatisfying(
                        ContainerChoice.Contradiction.class,
                        contradiction -> assertThat(contradiction.because()).contains("'STRANGER'"));
    }

    /**
     * Goal: the disk that failed is not believed where the survivor's next write was cut so that nothing proves what it says, also if that is a
     * single write ahead. Method: with serials, and without.
     */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aStaleDiskIsNotBelievedBesideATornOneThatSaysItFailed(boolean withSerials) throws Exception {
        Rig rig = Rig.twoMirrors();
        Candidate stale = rig.candidate(1, withSerials);
        rig.apply(new MetadataEvent.MemberFailed(0, 1));
        byte[] torn = rig.mpb().encode(512);
        Arrays.fill(torn, 580, 592, (byte) 0x5A); // filler of the second volume, which nobody can take back
        rig.disks.getFirst().write(196_605L * 512, Arrays.copyOfRange(torn, 512, torn.length));
        Candidate newest = rig.candidate(0, withSerials);
        assertThat(newest.finding())
                .isInstanceOfSatisfying(
                        Finding.Torn.class,
                        found -> assertThat(found.believable()).isEmpty());

        assertThat(Rig.FORMAT.choose(List.of(newest, stale)).getFirst())
                .isInstanceOfSatisfying(
                        ContainerChoice.Contradiction.class,
                        contradiction -> assertThat(contradiction.because()).contains("leave out"));
    }

    /** Goal: only the two volumes that there can be are looked into. Method: a torn block of 255, measured. */
    @Test
    void aTornBlockOfManyVolumesTakesNoMoreMemoryThanAnother() throws Exception {
        Rig rig = Rig.twoMirrors();
        rig.apply(new MetadataEvent.MemberFailed(0, 1));
        ImsmSuper two = rig.mpb();
        List<ImsmDev> many = new ArrayList<>();
        for (int i = 0; i < 255; i++) {
            many.add(two.devs().getFirst());
        }
        byte[] block = two.withDevs(many).encode(512);
        block[block.length - 1] ^= 1;
        var memory = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = memory.getCurrentThreadAllocatedBytes();

        Optional<ImsmSuper> believable =
                ImsmCutWrite.believable(block, rig.disks.getFirst().geometry(), 1);

        assertThat(believable).isEmpty();
        assertThat(memory.getCurrentThreadAllocatedBytes() - before).isLessThan(2 << 20);
    }

    private static Candidate named(Candidate candidate, String serial) {
        return new Candidate(candidate.disk(), candidate.geometry(), Optional.of(serial), candidate.finding());
    }

    private static void liveAlone(Rig rig, ContainerMetadata before, int disk, int lostSlot, int writes)
            throws Exception {
        ContainerMetadata alone =
                before.apply(new MetadataEvent.DiskGone(1 - disk)).apply(new MetadataEvent.MemberFailed(0, lostSlot));
        for (int i = 0; i < writes; i++) {
            WriteRound round = alone.write(Optional.empty());
            alone = round.image();
            for (MemberWrites member : round.members()) {
                Rig.carryOut(rig.disks.get(member.disk()), member.steps());
            }
        }
    }

    @Test
    void oneSerialTwiceIsAContradiction() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID1, 2, 0);
        Candidate first = rig.candidate(0, true);
        Candidate twin = new Candidate(5, first.geometry(), first.serial(), first.finding());
        List<ContainerChoice> choices = Rig.FORMAT.choose(List.of(first, twin, rig.candidate(1, true)));
        assertThat(choices.getFirst()).isInstanceOf(ContainerChoice.Contradiction.class);
        assertThat(((ContainerChoice.Contradiction) choices.getFirst()).because())
                .contains("copy of the other");
    }

    @Test
    void containersAreKeptApart() throws Exception {
        Rig one = Rig.of(RaidLevel.RAID1, 2, 0);
        Rig other = Rig.spares(3, 131_072, 512);
        other.add(Rig.plan("else", RaidLevel.RAID5, 3, true));
        List<Candidate> all = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            all.add(one.candidate(i, true));
        }
        for (int i = 0; i < 3; i++) {
            Candidate candidate = other.candidate(i, true);
            all.add(new Candidate(10 + i, candidate.geometry(), candidate.serial(), candidate.finding()));
        }
        List<ContainerChoice> choices = Rig.FORMAT.choose(all);
        assertThat(choices).hasSize(2);
        assertThat(choices.getFirst().placements()).extracting(Placement::disk).containsExactly(10, 11, 12);
        assertThat(choices.getLast().placements()).extracting(Placement::disk).containsExactly(0, 1);
    }

    @Test
    void aDiskThatWasAwayIsToldByHowMuchItMissed() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID5, 3, 0);
        Candidate old = rig.candidate(1, true);
        rig.apply(new MetadataEvent.MarkDirty(0)).apply(new MetadataEvent.MarkClean(0));
        rig.apply(new MetadataEvent.MarkDirty(0));
        ContainerChoice.Chosen chosen =
                chosen(Rig.FORMAT.choose(List.of(rig.candidate(0, true), old, rig.candidate(2, true))));
        assertThat(chosen.placements().get(1).verdict()).isEqualTo(new Verdict.Member(1, 3));
    }

    @Test
    void imageThatWasCutShortIsNoMember() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID1, 2, 0);
        Candidate whole = rig.candidate(0, true);
        Candidate cut = new Candidate(0, new DiskGeometry(1 << 20, 512), whole.serial(), whole.finding());
        ContainerChoice.Chosen chosen = chosen(Rig.FORMAT.choose(List.of(cut, rig.candidate(1, true))));
        assertThat(chosen.placements().getFirst().verdict()).isInstanceOf(Verdict.Foreign.class);
        assertThat(chosen.placements().getFirst().because()).contains("cut short");
    }

    @Test
    void sparesJoinTheOnlyContainerAndElseStandAlone() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID1, 2, 1);
        ContainerChoice.Chosen all = chosen(rig.reassembled());
        assertThat(all.placements().get(2).verdict()).isInstanceOf(Verdict.Spare.class);
        assertThat(all.container().picture().disks()).hasSize(3);
        ContainerChoice.Chosen alone = chosen(Rig.FORMAT.choose(List.of(rig.candidate(2, true))));
        assertThat(alone.container().picture().volumes()).isEmpty();
        assertThat(alone.uuid()).isEqualTo(redoubt.metadata.MdUuid.ZERO);
    }

    /** The last one left over is known without a serial. */
    @Test
    void theOnlyDiskThatCanBeItIsPlacedWithoutASerial() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID5, 3, 0);
        ContainerChoice.Chosen chosen = chosen(
                Rig.FORMAT.choose(List.of(rig.candidate(0, true), rig.candidate(1, false), rig.candidate(2, true))));
        assertThat(chosen.placements().get(1).verdict()).isEqualTo(new Verdict.Member(1, 0));
    }
}
