package redoubt.assembly;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Goal: real arrays made by Linux read back right, or are refused, and no stale disk is ever read. Method: the corpus, with serials. */
@Tag("slow")
class CorpusTest extends OverTheCorpus {

    private static final long SEED = 20_231_115L;

    static List<String> cases() {
        return casesCalled("imsm-");
    }

    /** Members that hold the content at the moment the case was caught: not the stale one, not the half-built one. */
    private static List<Integer> missable(String name) {
        return switch (name) {
            case "imsm-r0-2d-64k", "imsm-r0-3d-128k", "imsm-matrix-r1-r0-2d" -> List.of();
            case "imsm-r1-degraded", "imsm-r5-degraded" -> List.of(name.equals("imsm-r1-degraded") ? 0 : 2);
            case "imsm-r1-rebuilding-spare" -> List.of(0, 2);
            case "imsm-r10-4d-rebuilding" -> List.of(0, 1, 3, 4);
            default ->
                IntStream.range(0, corpus.get(name).images().size()).boxed().toList();
        };
    }

    private static List<Disk> known(Corpus.Case each) {
        return IntStream.range(0, each.images().size()).mapToObj(each::known).toList();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void readsBackRightInEveryOrder(String name) throws AssemblyRefused {
        readsBackRight(name, Orders.ALL_LIMIT);
    }

    /** The case that has more orders than are tried in every build. */
    @Tag("soak")
    @Test
    void fiveMembersReadBackRightInEveryOrder() throws AssemblyRefused {
        readsBackRight("imsm-r10-4d-rebuilding", 120);
    }

    private static void readsBackRight(String name, int orders) throws AssemblyRefused {
        Corpus.Case each = corpus.get(name);
        for (List<Disk> order : Orders.of(known(each), SEED, orders)) {
            for (Corpus.Volume volume : each.volumes()) {
                assertThat(rig.digest(order, volume.name()))
                        .as("%s of %s", volume.name(), order)
                        .isEqualTo(volume.sha256());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void readsBackRightWithEachMemberMissingThatTheLevelCanMiss(String name) throws AssemblyRefused {
        Corpus.Case each = corpus.get(name);
        for (int missing : missable(name)) {
            List<Disk> left = new ArrayList<>(known(each));
            left.remove(missing);
            for (Corpus.Volume volume : each.volumes()) {
                assertThat(rig.digest(left, volume.name()))
                        .as("%s without member %d", volume.name(), missing)
                        .isEqualTo(volume.sha256());
            }
        }
    }

    @Test
    void theMirrorOfAMatrixReadsWithoutEitherDiskAndTheStripeIsRefused() throws AssemblyRefused {
        Corpus.Case each = corpus.get("imsm-matrix-r1-r0-2d");
        for (int left = 0; left < 2; left++) {
            List<Disk> one = List.of(each.known(left));
            assertThat(rig.digest(one, "v")).isEqualTo(each.volume("v").sha256());
            assertThatThrownBy(() -> rig.digest(one, "w")).isInstanceOfSatisfying(AssemblyRefused.class, refused -> {
                assertThat(refused.reason()).isEqualTo(AssemblyRefused.Reason.NO_ARRAY);
                assertThat(refused.sentence()).contains("is missing");
            });
        }
    }

    /** Every set of members, with and without serials: the right content, or a refusal, which names the truth where it lets choose. */
    @ParameterizedTest
    @MethodSource("cases")
    void everySubsetReadsRightOrIsRefused(String name) throws AssemblyRefused {
        Corpus.Case each = corpus.get(name);
        int members = each.images().size();
        for (int subset = 1; subset < 1 << members; subset++) {
            List<Disk> known = new ArrayList<>();
            List<Disk> unknown = new ArrayList<>();
            Map<String, Integer> memberCalled = new TreeMap<>();
            for (int member = 0; member < members; member++) {
                if ((subset >>> member & 1) != 0) {
                    known.add(each.known(member));
                    unknown.add(each.unknown(member));
                    memberCalled.put(each.images().get(member).toString(), member);
                }
            }
            for (Corpus.Volume volume : each.volumes()) {
                Optional<AssemblyRefused> bySerial = rightOrRefused(known, volume);
                assertThat(bySerial.filter(Candidates::offeredBy)).isEmpty();
                Optional<AssemblyRefused> refused =
                        rightOrRefused(unknown, volume).filter(Candidates::offeredBy);
                // Where the true order gives nothing to read, it may stand for others that give nothing.
                if (refused.isPresent() && bySerial.isEmpty()) {
                    Candidates.expectTheTruth(refused.get(), each, memberCalled);
                }
            }
        }
    }

    private static Optional<AssemblyRefused> rightOrRefused(List<Disk> disks, Corpus.Volume volume) {
        try {
            assertThat(rig.digest(disks, volume.name()))
                    .as("%s of %s", volume.name(), disks)
                    .isEqualTo(volume.sha256());
            return Optional.empty();
        } catch (AssemblyRefused refused) {
            assertThat(refused.reason()).as("%s", refused).isEqualTo(AssemblyRefused.Reason.NO_ARRAY);
            assertThat(refused.sentence()).isNotEmpty();
            return Optional.of(refused);
        }
    }
}
