package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every IMSM array that Linux made for the corpus reads back right through the command line: by {@code copy}, over NBD,
 * and with a member missing. The members come in an order that the seed decides; that every order gives the same is the
 * matter of assembly's own tests.
 */
@Interop
class CorpusCopyTest {
    private static final long SEED = 20231114;

    /** A member that can be missing, for each case whose every volume survives that; a stale or failed one where there is one. */
    private static final Map<String, Integer> CAN_MISS = Map.of(
            "imsm-r1-2d", 1,
            "imsm-r1-degraded", 0,
            "imsm-r1-rebuilding-spare", 0,
            "imsm-r10-4d-64k", 2,
            "imsm-r10-4d-rebuilding", 0,
            "imsm-r5-3d-64k", 1,
            "imsm-r5-4d-16k-ppl", 3,
            "imsm-r5-degraded", 2);

    @BeforeAll
    static void needsCorpusAndClient() {
        Corpus.require();
        Peer.require(Peer.NBDCOPY);
    }

    static List<Corpus.Case> cases() {
        return Corpus.require().cases("imsm-");
    }

    static List<Corpus.Case> casesThatCanMissAMember() {
        return cases().stream().filter(one -> CAN_MISS.containsKey(one.name())).toList();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void copyReadsEveryVolume(Corpus.Case one) {
        try (Scratch scratch = Scratch.make()) {
            List<String> disks = disks(one, scratch);
            one.volumes().forEach(volume -> assertCopied(volume, disks, scratch));
        }
    }

    @ParameterizedTest
    @MethodSource("casesThatCanMissAMember")
    void copyReadsEveryVolumeWithAMemberMissing(Corpus.Case one) {
        try (Scratch scratch = Scratch.make()) {
            int missing = CAN_MISS.get(one.name());
            List<String> disks = disks(one, scratch, missing);
            one.volumes().forEach(volume -> assertCopied(volume, disks, scratch));
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void nbdReadsEveryVolume(Corpus.Case one) {
        try (Scratch scratch = Scratch.make()) {
            List<String> words = new ArrayList<>(List.of("--read-only"));
            words.addAll(disks(one, scratch));
            try (RedoubtProcess served = Redoubt.in(scratch).serve(words)) {
                for (Corpus.Volume volume : one.volumes()) {
                    Path copy = scratch.file("nbd-" + volume.name());
                    Peer.NBDCOPY
                            .command(served.uri(volume.name()), copy.toString())
                            .run()
                            .mustSucceed();
                    assertRight(volume, copy);
                }
                served.stop().mustSucceed();
            }
        }
    }

    private static void assertCopied(Corpus.Volume volume, List<String> disks, Scratch scratch) {
        Path copy = scratch.file("copy-" + volume.name());
        List<String> words = new ArrayList<>(List.of("copy", "--array", volume.name()));
        words.addAll(disks);
        words.add(copy.toString());
        Redoubt.in(scratch).command(words).run().mustSucceed();
        assertRight(volume, copy);
    }

    private static void assertRight(Corpus.Volume volume, Path copy) {
        assertThat(copy.toFile()).as("size of %s", volume.name()).hasSize(volume.bytes());
        assertThat(Content.sha256(copy)).as("SHA-256 of %s", volume.name()).isEqualTo(volume.sha256());
    }

    /** The members, in an order of the seed's, each with the serial that the corpus gives it. */
    private static List<String> disks(Corpus.Case one, Scratch scratch, int... missing) {
        List<Path> images = one.unpackInto(scratch.folder());
        List<String> disks = new ArrayList<>();
        for (int member = 0; member < images.size(); member++) {
            int here = member;
            if (Arrays.stream(missing).noneMatch(m -> m == here)) {
                disks.add("%s,serial=%s".formatted(images.get(member), LinuxGuest.device(member)));
            }
        }
        Collections.shuffle(disks, new Random(SEED));
        return disks;
    }
}
