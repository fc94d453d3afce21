package redoubt.metadata.md1;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import redoubt.metadata.Candidate;
import redoubt.metadata.ContainerChoice;
import redoubt.metadata.Finding;
import redoubt.metadata.Placement;
import redoubt.metadata.Placement.Verdict;
import redoubt.metadata.SlotState;
import redoubt.metadata.VolumeAccess;
import redoubt.metadata.VolumePicture;

/** Whose word counts, and who is not read. */
class ChoiceTest {

    private static final Md1Minor MINOR = Md1Minor.V1_2;
    private static final Md1Format FORMAT = new Md1Format(MINOR);

    private static Md1Superblock disk(int number, long events) {
        return Superblocks.raid5(MINOR, 3, number, events);
    }

    private static List<Candidate> candidates(Md1Superblock... superblocks) throws Exception {
        List<Candidate> candidates = new ArrayList<>();
        for (Md1Superblock superblock : superblocks) {
            candidates.add(Superblocks.candidate(candidates.size(), superblock));
        }
        return candidates;
    }

    private static ContainerChoice.Chosen chosen(Md1Superblock... superblocks) throws Exception {
        List<ContainerChoice> choices = FORMAT.choose(candidates(superblocks));
        assertThat(choices).hasSize(1);
        assertThat(choices.getFirst()).isInstanceOf(ContainerChoice.Chosen.class);
        // The order in which disks are given changes nothing.
        assertThat(FORMAT.choose(candidates(superblocks).reversed())).isEqualTo(choices);
        return (ContainerChoice.Chosen) choices.getFirst();
    }

    private static String contradiction(List<Candidate> candidates) {
        List<ContainerChoice> choices = FORMAT.choose(candidates);
        assertThat(choices).hasSize(1);
        assertThat(choices.getFirst()).isInstanceOf(ContainerChoice.Contradiction.class);
        return ((ContainerChoice.Contradiction) choices.getFirst()).because();
    }

    private static VolumePicture volume(ContainerChoice.Chosen chosen) {
        return chosen.container().picture().volumes().getFirst();
    }

    private static List<SlotState> states(ContainerChoice.Chosen chosen) {
        return volume(chosen).slots().stream().map(slot -> slot.state()).toList();
    }

    private static Verdict verdict(ContainerChoice.Chosen chosen, int disk) {
        return chosen.placements().stream()
                .filter(each -> each.disk() == disk)
                .map(Placement::verdict)
                .findFirst()
                .orElseThrow();
    }

    @Test
    void aDiskThatMissedOneEventIsBelieved() throws Exception {
        ContainerChoice.Chosen chosen = chosen(disk(0, 10), disk(1, 9), disk(2, 10));
        assertThat(states(chosen)).containsOnly(SlotState.IN_SYNC);
        assertThat(verdict(chosen, 1)).isEqualTo(new Verdict.Member(1, 1));
        assertThat(chosen.container().picture().generation()).isEqualTo(10);
    }

    @Test
    void aDiskThatMissedTwoEventsIsStale() throws Exception {
        ContainerChoice.Chosen chosen = chosen(disk(0, 10), disk(1, 8), disk(2, 10));
        assertThat(verdict(chosen, 1)).isInstanceOf(Verdict.Stale.class);
        assertThat(states(chosen)).containsExactly(SlotState.IN_SYNC, SlotState.MISSING, SlotState.IN_SYNC);
    }

    /** Goal: a disk that was just failed is not read, though it is only one event behind. */
    @Test
    void aDiskThatTheNewestCallsFailedIsStale() throws Exception {
        Md1Superblock zero = Superblocks.withRole(disk(0, 10), 1, Md1Superblock.FAULTY);
        Md1Superblock two = Superblocks.withRole(disk(2, 10), 1, Md1Superblock.FAULTY);
        ContainerChoice.Chosen chosen = chosen(zero, disk(1, 9), two);
        assertThat(verdict(chosen, 1)).isInstanceOf(Verdict.Stale.class);
        assertThat(states(chosen)).containsExactly(SlotState.IN_SYNC, SlotState.FAILED, SlotState.IN_SYNC);
    }

    @Test
    void aSpareNeverSpeaksForTheArray() throws Exception {
        Md1Superblock spare = disk(3, 77);
        ContainerChoice.Chosen chosen = chosen(disk(0, 10), disk(1, 10), disk(2, 10), spare);
        assertThat(verdict(chosen, 3)).isInstanceOf(Verdict.Spare.class);
        assertThat(chosen.container().picture().generation()).isEqualTo(10);
    }

    @Test
    void eventsBeyondTheSignAreNewer() throws Exception {
        ContainerChoice.Chosen chosen = chosen(disk(0, -1), disk(1, -2), disk(2, 5));
        assertThat(verdict(chosen, 1)).isEqualTo(new Verdict.Member(1, 1));
        assertThat(verdict(chosen, 2)).isInstanceOf(Verdict.Stale.class);
    }

    @Test
    void twoHalvesThatEachWentOnAreAContradiction() throws Exception {
        Md1Superblock alone = Superblocks.withRole(
                Superblocks.withRole(disk(0, 10), 1, Md1Superblock.FAULTY), 2, Md1Superblock.FAULTY);
        Md1Superblock others = Superblocks.withRole(disk(1, 30), 0, Md1Superblock.FAULTY);
        assertThat(contradiction(candidates(alone, others))).contains("each went on without the other");
        assertThat(contradiction(candidates(alone, Superblocks.withRole(disk(1, 10), 0, Md1Superblock.FAULTY))))
                .contains("each went on without the other");
    }

    @Test
    void twoDisksInOneSlotAreAContradiction() throws Exception {
        assertThat(contradiction(candidates(disk(0, 10), disk(1, 10), disk(1, 10))))
                .contains("disks 1 and 2 both say that they are in slot 1");
    }

    @Test
    void theSameArrayInTwoShapesIsAContradiction() throws Exception {
        Candidate other = new Candidate(
                1,
                Superblocks.GEOMETRY,
                Optional.empty(),
                Superblocks.changed(MINOR, disk(1, 10), block -> block[Md1Superblock.LAYOUT_AT] = 0));
        assertThat(contradiction(List.of(Superblocks.candidate(0, disk(0, 10)), other)))
                .contains("different shapes");
    }

    @Test
    void aDamagedDiskThatClaimsToBeMuchNewerStopsEverything() throws Exception {
        Finding torn = torn(disk(2, 12));
        Candidate damaged = new Candidate(2, Superblocks.GEOMETRY, Optional.empty(), torn);
        List<Candidate> candidates = new ArrayList<>(candidates(disk(0, 10), disk(1, 10)));
        candidates.add(damaged);
        assertThat(contradiction(candidates)).contains("disk 2 is damaged, and claims to be newer");
        candidates.set(2, new Candidate(2, Superblocks.GEOMETRY, Optional.empty(), torn(disk(2, 11))));
        assertThat(FORMAT.choose(candidates).getFirst()).isInstanceOf(ContainerChoice.Chosen.class);
    }

    private static Finding torn(Md1Superblock superblock) throws Exception {
        Superblocks.MemoryDisk disk = new Superblocks.MemoryDisk(Superblocks.GEOMETRY);
        byte[] block = superblock.encode(512);
        block[Md1Superblock.NAME_AT] ^= 1;
        disk.write(4096, block);
        Finding finding = FORMAT.probe(Superblocks.GEOMETRY, disk);
        assertThat(finding).isInstanceOf(Finding.Torn.class);
        return finding;
    }

    /** Goal: the original is read while its replacement is filled, and the replacement once it alone is there and full. */
    @Test
    void aReplacementStandsInWhenItIsFull() throws Exception {
        Md1Superblock zero = Superblocks.withRole(disk(0, 10), 3, 0);
        Md1Superblock one = Superblocks.withRole(disk(1, 10), 3, 0);
        Md1Superblock two = Superblocks.withRole(disk(2, 10), 3, 0);
        Md1Superblock three = Superblocks.withRole(disk(3, 10), 3, 0);
        Md1Superblock filling = Superblocks.with(
                three,
                Md1Feature.REPLACEMENT | Md1Feature.RECOVERY_OFFSET,
                three.device(),
                three.roles(),
                three.resyncOffset());
        Md1Superblock full =
                Superblocks.with(three, Md1Feature.REPLACEMENT, three.device(), three.roles(), three.resyncOffset());
        assertThat(volume(chosen(zero, one, two, filling)).slots().getFirst().disk())
                .hasValue(0);
        assertThat(states(chosen(zero, one, two, filling))).containsOnly(SlotState.IN_SYNC);
        VolumePicture replaced = volume(chosen(full, one, two));
        assertThat(replaced.slots().getFirst().disk()).hasValue(0);
        assertThat(replaced.slots().getFirst().state()).isEqualTo(SlotState.IN_SYNC);
        assertThat(states(chosen(filling, one, two)).getFirst()).isEqualTo(SlotState.REBUILDING);
    }

    @Test
    void dirtyIsZeroAndACheckpointIsNot() throws Exception {
        Md1Superblock clean = disk(0, 10);
        Md1Superblock dirty = Superblocks.with(clean, 0, clean.device(), clean.roles(), 0);
        Md1Superblock halfway = Superblocks.with(clean, 0, clean.device(), clean.roles(), 5000);
        assertThat(volume(chosen(clean)).dirty()).isFalse();
        assertThat(volume(chosen(clean)).resyncFromSectors()).isEmpty();
        assertThat(volume(chosen(dirty)).dirty()).isTrue();
        assertThat(volume(chosen(dirty)).resyncFromSectors()).hasValue(0);
        assertThat(volume(chosen(halfway)).dirty()).isFalse();
        assertThat(volume(chosen(halfway)).resyncFromSectors()).hasValue(5000);
    }

    @Test
    void whatCannotBeReadRightIsBlocked() throws Exception {
        for (int feature : new int[] {Md1Feature.RESHAPE, Md1Feature.JOURNAL, Md1Feature.CLUSTERED}) {
            Md1Superblock plain = disk(0, 10);
            Md1Superblock with = Superblocks.with(plain, feature, plain.device(), plain.roles(), plain.resyncOffset());
            assertThat(volume(chosen(with)).access())
                    .as("feature %d", feature)
                    .isInstanceOf(VolumeAccess.Blocked.class);
        }
        assertThat(volume(chosen(disk(0, 10))).access()).isInstanceOf(VolumeAccess.ReadOnly.class);
    }
}
