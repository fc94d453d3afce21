package redoubt.metadata.imsm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import redoubt.metadata.Candidate;
import redoubt.metadata.ContainerChoice;
import redoubt.metadata.Corpus;
import redoubt.metadata.Placement;
import redoubt.metadata.Placement.Verdict;
import redoubt.metadata.SlotPicture;
import redoubt.metadata.SlotState;
import redoubt.metadata.VolumePicture;
import redoubt.metadata.VolumeState;

/** Which metadata wins, on the arrays of the corpus, in any order, with serials and without. */
class CorpusChoiceTest {

    private static final long SEED = 20261122;
    private static final ImsmFormat FORMAT = new ImsmFormat();
    private static final Map<String, Set<Integer>> STALE = Map.of(
            "imsm-r1-degraded", Set.of(0),
            "imsm-r5-degraded", Set.of(2),
            "imsm-r1-rebuilding-spare", Set.of(0),
            "imsm-r10-4d-rebuilding", Set.of(0));

    static List<Candidate> candidates(String name, boolean withSerials) throws Exception {
        List<Candidate> candidates = new ArrayList<>();
        for (int n = 0; n < Corpus.disks(name).size(); n++) {
            Corpus.Disk disk = Corpus.disk(name, n);
            Optional<String> serial = withSerials ? Optional.of(Corpus.serial(n)) : Optional.empty();
            candidates.add(new Candidate(n, disk.geometry(), serial, FORMAT.probe(disk.geometry(), disk)));
        }
        return candidates;
    }

    static ContainerChoice.Chosen chosen(List<Candidate> candidates) {
        List<ContainerChoice> choices = FORMAT.choose(candidates);
        assertThat(choices).hasSize(1);
        assertThat(choices.getFirst()).isInstanceOf(ContainerChoice.Chosen.class);
        return (ContainerChoice.Chosen) choices.getFirst();
    }

    @Test
    void staleMembersAreNeverPlacedWithSerials() throws Exception {
        Corpus.root();
        for (String name : Corpus.cases("imsm-")) {
            for (Placement placement : chosen(candidates(name, true)).placements()) {
                boolean stale = STALE.getOrDefault(name, Set.of()).contains(placement.disk());
                assertThat(placement.verdict())
                        .as(name + ": " + placement)
                        .isInstanceOf(stale ? Verdict.Stale.class : Verdict.Member.class);
            }
        }
    }

    /** A stale member is known even without a serial, as long as everybody that counts is there. */
    @Test
    void staleMembersAreNeverPlacedWithoutSerials() throws Exception {
        Corpus.root();
        for (String name : Corpus.cases("imsm-")) {
            for (Placement placement : chosen(candidates(name, false)).placements()) {
                boolean stale = STALE.getOrDefault(name, Set.of()).contains(placement.disk());
                assertThat(placement.verdict() instanceof Verdict.Stale)
                        .as(name + ": " + placement)
                        .isEqualTo(stale);
            }
        }
    }

    @Test
    void orderOfTheDisksDoesNotMatter() throws Exception {
        Corpus.root();
        Random random = new Random(SEED);
        for (String name : Corpus.cases("imsm-")) {
            for (boolean withSerials : new boolean[] {true, false}) {
                List<Candidate> candidates = candidates(name, withSerials);
                List<ContainerChoice> expected = FORMAT.choose(candidates);
                for (int round = 0; round < 8; round++) {
                    Collections.shuffle(candidates, random);
                    assertThat(FORMAT.choose(candidates))
                            .as(name + " seed " + SEED)
                            .isEqualTo(expected);
                }
            }
        }
    }

    /** With any one member away the stale one is still not taken for it, and the slot of the one away is missing. */
    @Test
    void oneMemberAwayLeavesItsSlotMissing() throws Exception {
        Corpus.root();
        for (String name : Corpus.cases("imsm-")) {
            for (int away = 0; away < Corpus.disks(name).size(); away++) {
                List<Candidate> candidates = candidates(name, true);
                candidates.remove(away);
                if (name.equals("imsm-r1-degraded") && away == 1) {
                    continue; // Only the stale half is left, and nothing there can say so.
                }
                Set<Integer> stale = STALE.getOrDefault(name, Set.of());
                for (VolumePicture volume :
                        chosen(candidates).container().picture().volumes()) {
                    for (SlotPicture slot : volume.slots()) {
                        assertThat(slot.disk().isPresent()
                                        && stale.contains(slot.disk().getAsInt()))
                                .as(name + " without " + away + ": " + slot)
                                .isFalse();
                    }
                    long missing = volume.slots().stream()
                            .filter(slot -> slot.state() == SlotState.MISSING)
                            .count();
                    assertThat(missing).as(name + " without " + away).isEqualTo(stale.contains(away) ? 0 : 1);
                }
            }
        }
    }

    @Test
    void halfBuiltTargetAloneIsNoVolume() throws Exception {
        Corpus.root();
        List<Candidate> candidates = candidates("imsm-r1-rebuilding-spare", true);
        VolumePicture volume = chosen(List.of(candidates.get(2)))
                .container()
                .picture()
                .volumes()
                .getFirst();
        assertThat(volume.computed()).isEqualTo(VolumeState.FAILED);
        assertThat(volume.slots().getFirst().state()).isEqualTo(SlotState.REBUILDING);
        assertThat(volume.slots().getFirst().recoveredSectors()).isEqualTo(123 * 512);
    }
}
