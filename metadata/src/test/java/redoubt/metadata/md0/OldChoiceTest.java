package redoubt.metadata.md0;

import static org.assertj.core.api.Assertions.assertThat;
import static redoubt.metadata.md0.OldSuperblocks.GONE;
import static redoubt.metadata.md0.OldSuperblocks.candidate;
import static redoubt.metadata.md0.OldSuperblocks.disk;
import static redoubt.metadata.md0.OldSuperblocks.own;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import redoubt.metadata.Candidate;
import redoubt.metadata.ContainerChoice;
import redoubt.metadata.Placement;
import redoubt.metadata.Placement.Verdict;
import redoubt.metadata.SlotPicture;
import redoubt.metadata.SlotState;
import redoubt.metadata.VolumeAccess;
import redoubt.metadata.VolumePicture;
import redoubt.metadata.VolumeState;

/** Which copy counts when they differ, and what becomes of the disks. */
class OldChoiceTest {

    private static ByteBuffer raid5(int number, long events) {
        return OldSuperblocks.raid5(ByteOrder.LITTLE_ENDIAN, 3, number, events);
    }

    private static ContainerChoice choice(Candidate... candidates) {
        List<ContainerChoice> choices = new Md0Format().choose(List.of(candidates));
        assertThat(choices).hasSize(1);
        return choices.getFirst();
    }

    private static ContainerChoice.Chosen chosen(Candidate... candidates) {
        return (ContainerChoice.Chosen) choice(candidates);
    }

    private static VolumePicture volume(ContainerChoice.Chosen chosen) {
        return chosen.container().picture().volumes().getFirst();
    }

    private static List<Verdict> verdicts(ContainerChoice.Chosen chosen) {
        return chosen.placements().stream().map(Placement::verdict).toList();
    }

    @Test
    void allAreInTheirSlots() throws Exception {
        ContainerChoice.Chosen chosen =
                chosen(candidate(0, raid5(2, 10)), candidate(1, raid5(0, 10)), candidate(2, raid5(1, 10)));
        VolumePicture volume = volume(chosen);
        assertThat(volume.slots().stream()
                        .map(slot -> slot.disk().orElseThrow())
                        .toList())
                .containsExactly(1, 2, 0);
        assertThat(volume.name()).isEqualTo("md7");
        assertThat(volume.computed()).isEqualTo(VolumeState.NORMAL);
        assertThat(volume.sizeSectors()).isEqualTo(2 * (64 << 10));
        assertThat(volume.resyncFromSectors()).isEmpty();
        assertThat(volume.access()).isInstanceOf(VolumeAccess.ReadOnly.class);
    }

    @Test
    void oneEventBehindIsBelievedAndTwoAreNot() throws Exception {
        ContainerChoice.Chosen chosen = chosen(
                candidate(0, raid5(0, 1L << 32)),
                candidate(1, raid5(1, (1L << 32) - 1)),
                candidate(2, raid5(2, (1L << 32) - 2)));
        assertThat(verdicts(chosen))
                .containsExactly(new Verdict.Member(0, 0), new Verdict.Member(1, 1), new Verdict.Stale());
        assertThat(volume(chosen).slots().get(2).state()).isEqualTo(SlotState.MISSING);
    }

    /** Goal: the newest copy's word counts for a member that missed the round in which it was failed. */
    @Test
    void aMemberThatTheNewestCallsGoneIsNotRead() throws Exception {
        ByteBuffer newest = own(disk(raid5(0, 11), 1, 1, GONE), 0);
        ContainerChoice.Chosen chosen =
                chosen(candidate(0, newest), candidate(1, raid5(1, 10)), candidate(2, raid5(2, 10)));
        assertThat(verdicts(chosen))
                .containsExactly(new Verdict.Member(0, 0), new Verdict.Stale(), new Verdict.Member(2, 1));
        assertThat(volume(chosen).slots().stream().map(SlotPicture::state).toList())
                .containsExactly(SlotState.IN_SYNC, SlotState.FAILED, SlotState.IN_SYNC);
    }

    /** While a spare is filled, its entry says spare; nothing of it is read. */
    @Test
    void aSpareHasNoSlot() throws Exception {
        ByteBuffer table = disk(disk(raid5(0, 10), 1, 1, GONE), 3, 3, 0);
        ByteBuffer spare = own(ByteBuffer.wrap(OldSuperblocks.bytes(table)).order(ByteOrder.LITTLE_ENDIAN), 3);
        ContainerChoice.Chosen chosen = chosen(candidate(0, own(table, 0)), candidate(1, spare));
        assertThat(verdicts(chosen)).containsExactly(new Verdict.Member(0, 0), new Verdict.Spare());
        assertThat(volume(chosen).computed()).isEqualTo(VolumeState.FAILED);
    }

    @Test
    void twoHalvesThatWentOnAloneAreAContradiction() throws Exception {
        ByteBuffer one = own(disk(disk(raid5(0, 20), 1, 1, GONE), 2, 2, GONE), 0);
        ByteBuffer other = own(disk(raid5(1, 19), 0, 0, GONE), 1);
        assertThat(choice(candidate(0, one), candidate(1, other))).isInstanceOf(ContainerChoice.Contradiction.class);
        ByteBuffer swapped = OldSuperblocks.raid5(ByteOrder.BIG_ENDIAN, 3, 1, 20);
        assertThat(choice(candidate(0, raid5(0, 20)), candidate(1, swapped)))
                .isInstanceOf(ContainerChoice.Contradiction.class);
    }

    @Test
    void aDirtyArrayIsResyncedFromItsCheckpointIfThatIsOfTheSameEvents() throws Exception {
        ByteBuffer block = raid5(0, 10);
        block.putInt(Md0Superblock.STATE_AT, 0).putInt(Md0Superblock.CHECKPOINT_AT, 5000);
        assertThat(volume(chosen(candidate(0, block))).resyncFromSectors()).isEqualTo(OptionalLong.of(0));
        assertThat(volume(chosen(candidate(0, block))).dirty()).isTrue();
        block.putLong(Md0Superblock.CHECKPOINT_EVENTS_AT, 10);
        assertThat(volume(chosen(candidate(0, block))).resyncFromSectors()).isEqualTo(OptionalLong.of(5000));
        assertThat(volume(chosen(candidate(0, block))).dirty()).isFalse();
    }

    @Test
    void aReshapeIsShownAndNotRead() throws Exception {
        ByteBuffer block = raid5(0, 10);
        block.putInt(Md0Superblock.MINOR_AT, 91).putInt(Md0Superblock.DELTA_DISKS_AT, 1);
        block.putLong(Md0Superblock.RESHAPE_POSITION_AT, 4096);
        assertThat(volume(chosen(candidate(0, block))).access()).isInstanceOf(VolumeAccess.Blocked.class);
        block.putLong(Md0Superblock.RESHAPE_POSITION_AT, -1);
        assertThat(volume(chosen(candidate(0, block))).access()).isInstanceOf(VolumeAccess.ReadOnly.class);
    }
}
