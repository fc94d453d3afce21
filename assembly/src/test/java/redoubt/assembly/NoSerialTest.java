package redoubt.assembly;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Goal: images that have lost their serials read back right or are refused with the candidates, and what is stale is never read. Method: the
 * corpus, without serials, with wrong ones, with strangers and with copies.
 */
@Tag("slow")
class NoSerialTest extends OverTheCorpus {

    private static final long SEED = 20_260_115L;

    static List<String> cases() {
        return CorpusTest.cases();
    }

    private static List<Disk> unknown(String name) {
        Corpus.Case each = corpus.get(name);
        return IntStream.range(0, each.images().size()).mapToObj(each::unknown).toList();
    }

    private static AssemblyRefused refusal(List<Disk> disks, String volume, Insistence... insisted) {
        try {
            rig.digest(disks, volume, insisted);
        } catch (AssemblyRefused refused) {
            return refused;
        }
        throw new AssertionError("not refused: " + disks);
    }

    // ---------------------------------------------------------------------------------------------- what can be read

    @ParameterizedTest
    @ValueSource(strings = {"imsm-r1-2d", "imsm-r1-degraded", "imsm-matrix-r1-r0-2d"})
    void mirrorsReadRightInEveryOrder(String name) throws AssemblyRefused {
        Corpus.Volume mirror = corpus.get(name).volume("v");
        for (List<Disk> order : Orders.of(unknown(name), SEED)) {
            assertThat(rig.digest(order, "v")).isEqualTo(mirror.sha256());
        }
    }

    @Test
    void aMirrorWithoutSerialsIsNotWrittenTo() {
        AssemblyOptions options = AssemblyOptions.WRITABLE;
        assertThatThrownBy(() -> rig.assembly.assemble(
                        unknown("imsm-r1-2d"), Access.WRITE, options, rig.memory, rig.complaints::add))
                .isInstanceOfSatisfying(AssemblyRefused.class, refused -> {
                    assertThat(refused.reason()).isEqualTo(AssemblyRefused.Reason.WOULD_LOSE_DATA);
                    assertThat(refused.candidates()).hasSize(2).allMatch(line -> line.contains(",serial=/dev/vdb"));
                });
    }

    // ---------------------------------------------------------------------------------------------- what is refused

    @ParameterizedTest
    @ValueSource(
            strings = {
                "imsm-r0-2d-64k",
                "imsm-r0-3d-128k",
                "imsm-r10-4d-64k",
                "imsm-r1-rebuilding-spare",
                "imsm-r10-4d-rebuilding",
                "imsm-r5-3d-64k",
                "imsm-r5-4d-16k-ppl",
                "imsm-r5-degraded",
                "imsm-r5-dirty-crash"
            })
    void whatTheContentDoesNotTellIsRefusedWithTheCandidates(String name) {
        for (List<Disk> order : Orders.of(unknown(name), SEED)) {
            AssemblyRefused refused = refusal(order, "v");
            assertThat(refused.reason()).isEqualTo(AssemblyRefused.Reason.NO_ARRAY);
            assertThat(refused.sentence())
                    .contains("cannot be told which disk is which")
                    .contains(",serial=");
            assertThat(refused.candidates()).isNotEmpty().allMatch(line -> line.contains(",serial=/dev/vd"));
        }
    }

    /**
     * Goal: the name of a file never counts. Method: every member under the name of another, in every permutation, given in the order of
     * the names, as a shell gives them.
     */
    @ParameterizedTest
    @MethodSource("cases")
    void membersUnderOneAnothersNamesReadRightOrAreRefusedWithTheTruthAmongTheCandidates(String name) throws Exception {
        Corpus.Case each = corpus.get(name);
        Path folder = Files.createDirectory(unpacked.resolve(name + "-renamed"));
        List<Integer> members = IntStream.range(0, each.images().size()).boxed().toList();
        for (List<Integer> turn : Orders.of(members, SEED)) {
            Map<String, Integer> memberCalled = new TreeMap<>();
            for (int member : members) {
                Path other = each.images().get(turn.get(member)).getFileName();
                Path called =
                        Files.createLink(folder.resolve(other), each.images().get(member));
                memberCalled.put(called.toString(), member);
            }
            List<Disk> disks = memberCalled.keySet().stream().map(Disk::at).toList();
            for (Corpus.Volume volume : each.volumes()) {
                try {
                    assertThat(rig.digest(disks, volume.name()))
                            .as("%s of %s", volume.name(), memberCalled)
                            .isEqualTo(volume.sha256());
                } catch (AssemblyRefused refused) {
                    assertThat(refused.reason()).as("%s", refused).isEqualTo(AssemblyRefused.Reason.NO_ARRAY);
                    Candidates.expectTheTruth(refused, each, memberCalled);
                }
            }
            for (String called : memberCalled.keySet()) {
                Files.delete(Path.of(called));
            }
        }
    }

    /** A candidate is a choice that can be pasted: of those given, one is the truth. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "imsm-r0-2d-64k",
                "imsm-r0-3d-128k",
                "imsm-r10-4d-64k",
                "imsm-r1-rebuilding-spare",
                "imsm-r5-3d-64k",
                "imsm-r5-degraded"
            })
    void oneOfTheCandidatesIsRight(String name) throws AssemblyRefused {
        int right = 0;
        for (String line : refusal(unknown(name), "v").candidates()) {
            List<Disk> chosen = new ArrayList<>();
            for (String word : line.split(" ", -1)) {
                chosen.add(Disk.parse(word));
            }
            right += rig.digest(chosen, "v").equals(corpus.get(name).volume("v").sha256()) ? 1 : 0;
        }
        assertThat(right).isEqualTo(1);
    }

    @Test
    void theStripeOfAMatrixIsRefusedWhileItsMirrorIsRead() {
        AssemblyRefused refused = refusal(unknown("imsm-matrix-r1-r0-2d"), "w");
        assertThat(refused.candidates()).hasSize(2);
    }

    @Test
    void theHalfBuiltTargetIsNeverTakenForTheGoodDisk() {
        List<Disk> disks = unknown("imsm-r1-rebuilding-spare");
        assertThat(refusal(disks.subList(1, 3), "v").candidates()).hasSize(2);
        assertThat(refusal(disks.subList(2, 3), "v").reason()).isEqualTo(AssemblyRefused.Reason.NO_ARRAY);
        assertThat(refusal(List.of(disks.get(0), disks.get(2)), "v").reason())
                .isEqualTo(AssemblyRefused.Reason.NO_ARRAY);
        Disk target = corpus.get("imsm-r1-rebuilding-spare").known(2);
        assertThat(refusal(List.of(target), "v").sentence()).contains("only partly rebuilt");
    }

    // ---------------------------------------------------------------------------------------------- what is stale

    @ParameterizedTest
    @ValueSource(strings = {"imsm-r1-degraded", "imsm-r1-rebuilding-spare"})
    void theOlderHalfOfAMirrorIsRefusedAlone(String name) {
        Corpus.Case each = corpus.get(name);
        for (Disk stale : List.of(each.known(0), each.unknown(0))) {
            AssemblyRefused refused = refusal(List.of(stale), "v");
            assertThat(refused.reason()).isEqualTo(AssemblyRefused.Reason.NO_ARRAY);
            assertThat(refused.sentence()).contains("older half").contains(Insistence.LONE_HALF.option());
        }
    }

    @Test
    void whoInsistsOnTheOlderHalfGetsIt() throws AssemblyRefused {
        Corpus.Case each = corpus.get("imsm-r1-degraded");
        assertThat(rig.digest(List.of(each.known(0)), "v", Insistence.LONE_HALF))
                .isNotEqualTo(each.volume("v").sha256());
    }

    @Test
    void aStaleDiskIsNamedAsSuch() throws AssemblyRefused {
        for (List<Disk> order : Orders.of(unknown("imsm-r1-degraded"), SEED)) {
            Scan scan = rig.assembly.scan(order, 10_000_000_000L);
            for (ScannedDisk disk : scan.disks()) {
                boolean stale = disk.disk().location().endsWith("-0.img");
                assertThat(disk.role()).isEqualTo(stale ? ScannedDisk.Role.STALE : ScannedDisk.Role.MEMBER);
            }
        }
    }

    // ---------------------------------------------------------------------------------------------- strangers, copies,
    // wrong serials

    @ParameterizedTest
    @MethodSource("cases")
    void strangersChangeNothing(String name) throws AssemblyRefused {
        Corpus.Case each = corpus.get(name);
        List<Disk> disks = new ArrayList<>(
                IntStream.range(0, each.images().size()).mapToObj(each::known).toList());
        disks.add(
                1,
                corpus.get(name.equals("imsm-r1-2d") ? "imsm-r0-2d-64k" : "imsm-r1-2d")
                        .known(0));
        disks.add(Disk.at(empty().toString()));
        Corpus.Volume volume = each.volumes().getFirst();
        String uuid = rig.assembly.scan(disks, 10_000_000_000L).containers().stream()
                .filter(found -> found.disks().size() > 1)
                .findFirst()
                .orElseThrow()
                .volumes()
                .getFirst()
                .picture()
                .uuid()
                .toString();
        try (AssembledContainer container = rig.assembly.assemble(
                disks,
                Access.LOOK,
                AssemblyOptions.READ_ONLY.forArrays(Set.of(uuid)),
                rig.memory,
                rig.complaints::add)) {
            container.start(1_000_000_000L);
            assertThat(rig.digest(container.volume(uuid).orElseThrow().array())).isEqualTo(volume.sha256());
        }
    }

    private static Path empty() {
        try {
            Path empty = unpacked.resolve("empty.img");
            if (!Files.exists(empty)) {
                Files.write(empty, new byte[1 << 20]);
            }
            return empty;
        } catch (java.io.IOException broken) {
            throw new java.io.UncheckedIOException(broken);
        }
    }

    @Test
    void theSameFileTwiceIsFoundOut() throws Exception {
        Corpus.Case each = corpus.get("imsm-r1-2d");
        Path link = unpacked.resolve("link.img");
        Files.createSymbolicLink(link, each.images().get(0));
        AssemblyRefused refused = refusal(List.of(each.unknown(0), Disk.at(link.toString())), "v");
        assertThat(refused.sentence()).contains("are the same disk");
    }

    @Test
    void aCopyIsNotTakenForTheOtherMemberOfAStripe() throws Exception {
        Corpus.Case each = corpus.get("imsm-r0-2d-64k");
        Path copy = unpacked.resolve("copy.img");
        Files.copy(each.images().get(0), copy);
        Disk original = each.unknown(0);
        for (List<Disk> order : Orders.of(List.of(original, Disk.at(copy.toString())), SEED)) {
            assertThat(refusal(order, "v").sentence()).contains("hold the same");
        }
        // By its serial one is known, and the other would take the only place that is left.
        assertThat(refusal(List.of(each.known(0), Disk.at(copy.toString())), "v")
                        .sentence())
                .contains("hold the same");
        Disk sameSerial = new Disk(copy.toString(), Optional.of(Corpus.serial(0)));
        assertThat(refusal(List.of(each.known(0), sameSerial), "v").sentence()).contains("both have the serial");
    }

    @Test
    void aSerialThatIsNotInTheTableIsSaidToBeSo() {
        Corpus.Case each = corpus.get("imsm-r0-2d-64k");
        Disk wrong = new Disk(each.images().get(0).toString(), Optional.of("WD-12345"));
        AssemblyRefused refused = refusal(List.of(wrong, each.known(1)), "v");
        assertThat(refused.reason()).isEqualTo(AssemblyRefused.Reason.NO_ARRAY);
        assertThat(refused.sentence())
                .contains("does not count in the serial 'WD-12345' which this disk is said to have, but '/dev/vda'");
    }

    @Test
    void oneSerialOfTwoIsEnough() throws AssemblyRefused {
        Corpus.Case each = corpus.get("imsm-r0-2d-64k");
        String right = each.volume("v").sha256();
        assertThat(rig.digest(List.of(each.known(0), each.unknown(1)), "v")).isEqualTo(right);
        assertThat(rig.digest(List.of(each.unknown(0), each.known(1)), "v")).isEqualTo(right);
    }
}
