package redoubt.assembly;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
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
        Corpus.Case each = corpus.get(name);
        for (List<Disk> order : Orders.of(known(each), SEED)) {
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

    /** Every set of members, with and without serials: the right content, or a refusal. */
    @ParameterizedTest
    @MethodSource("cases")
    void everySubsetReadsRightOrIsRefused(String name) {
        Corpus.Case each = corpus.get(name);
        int members = each.images().size();
        for (int subset = 1; subset < 1 << members; subset++) {
            for (boolean serials : new boolean[] {true, false}) {
                List<Disk> disks = new ArrayList<>();
                for (int member = 0; member < members; member++) {
                    if ((subset >>> member & 1) != 0) {
                        disks.add(serials ? each.known(member) : each.unknown(member));
                    }
                }
                for (Corpus.Volume volume : each.volumes()) {
                    rightOrRefused(disks, volume);
                }
            }
        }
    }

    private static void rightOrRefused(List<Disk> disks, Corpus.Volume volume) {
        try {
            assertThat(rig.digest(disks, volume.name()))
                    .as("%s of %s", volume.name(), disks)
                    .isEqualTo(volume.sha256());
        } catch (AssemblyRefused refused) {
            assertThat(refused.reason()).as("%s", refused).isEqualTo(AssemblyRefused.Reason.NO_ARRAY);
            assertThat(refused.sentence()).isNotEmpty();
        }
    }
}
