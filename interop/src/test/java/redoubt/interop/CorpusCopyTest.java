package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every IMSM array, and one of each of md's versions and levels, that Linux made for the corpus reads back right through the command line: by {@code copy} and over NBD, in
 * every order of its members, and with every member missing in turn that can be missed. The build takes
 * one of the orders, by the seed, and soak all.
 */
@Interop
class CorpusCopyTest {
    private static final long SEED = 20231114;
    private static final int ORDERS = 1; // of a build; assembly reads all of them without the command line

    /** The members that can be missing, one at a time, for each case of which a volume survives that. */
    private static final Map<String, List<Integer>> CAN_MISS = Map.ofEntries(
            Map.entry("imsm-matrix-r1-r0-2d", List.of(0, 1)),
            Map.entry("imsm-r1-2d", List.of(0, 1)),
            Map.entry("imsm-r1-degraded", List.of(0)),
            Map.entry("imsm-r1-rebuilding-spare", List.of(0, 2)),
            Map.entry("imsm-r10-4d-64k", List.of(0, 1, 2, 3)),
            Map.entry("imsm-r10-4d-rebuilding", List.of(0, 1, 3, 4)),
            Map.entry("imsm-r5-3d-64k", List.of(0, 1, 2)),
            Map.entry("imsm-r5-4d-16k-ppl", List.of(0, 1, 2, 3)),
            Map.entry("imsm-r5-degraded", List.of(2)),
            Map.entry("imsm-r5-dirty-crash", List.of(0, 1, 2)),
            Map.entry("md090-r1-2d", List.of(0, 1)),
            Map.entry("md11-r5-3d-ls", List.of(1)));

    /** The volumes that survive no missing member beside one that does. */
    private static final Map<String, Set<String>> LOST = Map.of("imsm-matrix-r1-r0-2d", Set.of("w"));

    @BeforeAll
    static void needsCorpusAndClient() {
        Corpus.require();
        Peer.require(Peer.NBDCOPY);
    }

    static List<Corpus.Case> cases() {
        Corpus corpus = Corpus.require();
        return Stream.concat(
                        corpus.cases("imsm-").stream(),
                        corpus.cases("md").stream().filter(CorpusCopyTest::taken))
                .toList();
    }

    /** Assembly reads all of md's; a build takes these through the command line. */
    private static boolean taken(Corpus.Case one) {
        return Set.of("md090-r1-2d", "md10-r1-3d", "md11-r5-3d-ls", "md12-r10-4d-n2", "md12-r5-3d-recovering")
                .contains(one.name());
    }

    static List<Corpus.Case> casesThatCanMissAMember() {
        return cases().stream().filter(one -> CAN_MISS.containsKey(one.name())).toList();
    }

    @Execution(ExecutionMode.CONCURRENT)
    @ParameterizedTest
    @MethodSource("cases")
    void copyReadsEveryVolume(Corpus.Case one) {
        copyInOrders(one, ORDERS);
    }

    @Tag("soak")
    @Execution(ExecutionMode.CONCURRENT)
    @ParameterizedTest
    @MethodSource("cases")
    @Timeout(value = 1, unit = TimeUnit.HOURS)
    void copyReadsEveryVolumeInEveryOrder(Corpus.Case one) {
        copyInOrders(one, Integer.MAX_VALUE);
    }

    private static void copyInOrders(Corpus.Case one, int limit) {
        inOrders(one, limit, (disks, scratch) -> one.volumes().forEach(volume -> assertCopied(volume, disks, scratch)));
    }

    private static void inOrders(Corpus.Case one, int limit, BiConsumer<List<String>, Scratch> check) {
        try (Scratch scratch = Scratch.make()) {
            orders(disks(one, scratch), limit).forEach(disks -> check.accept(disks, scratch));
        }
    }

    @Execution(ExecutionMode.CONCURRENT)
    @ParameterizedTest
    @MethodSource("casesThatCanMissAMember")
    @Timeout(value = 10, unit = TimeUnit.MINUTES)
    void everyVolumeIsReadWithAMemberMissing(Corpus.Case one) {
        try (Scratch scratch = Scratch.make()) {
            List<String> all = disks(one, scratch);
            for (int missing : CAN_MISS.get(one.name())) {
                List<String> disks = new ArrayList<>(all);
                disks.remove(missing);
                Collections.shuffle(disks, new Random(SEED + missing));
                Set<String> lost = LOST.getOrDefault(one.name(), Set.of());
                for (Corpus.Volume volume : one.volumes()) {
                    if (lost.contains(volume.name())) {
                        assertRefused(volume, disks, scratch);
                    } else {
                        assertCopied(volume, disks, scratch);
                    }
                }
                assertServed(
                        one.volumes().stream()
                                .filter(volume -> !lost.contains(volume.name()))
                                .toList(),
                        disks,
                        scratch);
            }
        }
    }

    private static void assertRefused(Corpus.Volume volume, List<String> disks, Scratch scratch) {
        Path copy = scratch.file("refused");
        List<String> words = new ArrayList<>(List.of("copy", "--array", volume.name()));
        words.addAll(disks);
        words.add(copy.toString());
        assertThat(Redoubt.in(scratch).command(words).run().mustExit(65).err()).contains("is missing");
        assertThat(copy).doesNotExist();
    }

    @Execution(ExecutionMode.CONCURRENT)
    @ParameterizedTest
    @MethodSource("cases")
    void nbdReadsEveryVolume(Corpus.Case one) {
        inOrders(one, ORDERS, (disks, scratch) -> assertServed(one.volumes(), disks, scratch));
    }

    @Tag("soak")
    @Execution(ExecutionMode.CONCURRENT)
    @ParameterizedTest
    @MethodSource("cases")
    @Timeout(value = 1, unit = TimeUnit.HOURS)
    void nbdReadsEveryVolumeInEveryOrder(Corpus.Case one) {
        inOrders(one, Integer.MAX_VALUE, (disks, scratch) -> assertServed(one.volumes(), disks, scratch));
    }

    /** Goal: nothing is written on top of parity that may be wrong. Method: the array that lost its power while dirty, less a member. */
    @Execution(ExecutionMode.CONCURRENT)
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void aDirtyRaid5WithAMemberMissingIsWrittenToOnlyByWhoAcceptsTheHole(int missing) throws IOException {
        Corpus.Case one = Corpus.require().cases("imsm-r5-dirty-crash").getFirst();
        try (Scratch scratch = Scratch.make()) {
            List<String> disks = new ArrayList<>(disks(one, scratch));
            disks.remove(missing);
            List<String> words = new ArrayList<>(List.of("--allow-degraded"));
            words.addAll(disks);
            List<String> refused = new ArrayList<>(List.of("serve", "--listen", "unix:" + scratch.file("refused")));
            refused.addAll(words);
            assertThat(Redoubt.in(scratch).command(refused).run().mustExit(77).err())
                    .contains("--accept-write-hole");

            words.addFirst("--accept-write-hole");
            Corpus.Volume volume = one.volumes().getFirst();
            try (RedoubtProcess served = Redoubt.in(scratch).serve(words)) {
                Path copy = scratch.file("nbd-hole");
                Peer.NBDCOPY
                        .command(served.uri(volume.name()), copy.toString())
                        .run()
                        .mustSucceed();
                assertRight(volume, copy);
                try (NbdConnection client = NbdConnection.open(served.socket(), volume.name())) {
                    client.write(0, new byte[4096]);
                    client.flush();
                    assertThat(client.read(0, 4096)).containsOnly(0);
                }
                served.stop().mustSucceed();
            }
        }
    }

    private static void assertServed(List<Corpus.Volume> volumes, List<String> disks, Scratch scratch) {
        List<String> words = new ArrayList<>(List.of("--read-only"));
        words.addAll(disks);
        try (RedoubtProcess served = Redoubt.in(scratch).serve(words)) {
            for (Corpus.Volume volume : volumes) {
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

    private static void assertCopied(Corpus.Volume volume, List<String> disks, Scratch scratch) {
        Path copy = scratch.file("copy-" + volume.name());
        List<String> words = new ArrayList<>(List.of("copy", "--overwrite", "--array", volume.name()));
        words.addAll(disks);
        words.add(copy.toString());
        Redoubt.in(scratch).command(words).run().mustSucceed();
        assertRight(volume, copy);
    }

    private static void assertRight(Corpus.Volume volume, Path copy) {
        assertThat(copy.toFile()).as("size of %s", volume.name()).hasSize(volume.bytes());
        assertThat(Content.sha256(copy)).as("SHA-256 of %s", volume.name()).isEqualTo(volume.sha256());
    }

    /** The members, each with the serial that the corpus gives it. */
    private static List<String> disks(Corpus.Case one, Scratch scratch) {
        List<Path> images = one.unpackInto(scratch.folder());
        List<String> disks = new ArrayList<>();
        for (int member = 0; member < images.size(); member++) {
            disks.add("%s,serial=%s".formatted(images.get(member), LinuxGuest.device(member)));
        }
        return disks;
    }

    /** All orders if these are not more than the limit, else so many of the seed's choosing, of which no two are the same. */
    private static Set<List<String>> orders(List<String> disks, int limit) {
        int all = 1;
        for (int count = 2; count <= disks.size(); count++) {
            all *= count;
        }
        Set<List<String>> orders = new TreeSet<>((a, b) -> String.join("\n", a).compareTo(String.join("\n", b)));
        Random random = new Random(SEED);
        while (orders.size() < Math.min(all, limit)) {
            List<String> order = new ArrayList<>(disks);
            Collections.shuffle(order, random);
            orders.add(order);
        }
        return orders;
    }
}
