package redoubt.assembly;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** What a refusal offers to choose from. */
final class Candidates {

    private Candidates() {}

    /**
     * Expects that one of the candidates is the truth: each file under the serial of the member that it is. Where two members hold the same
     * they may have changed places (the pairs of a RAID10), for only one of the orders that give the same content is named.
     *
     * @param memberCalled which member a file is
     */
    static void expectTheTruth(AssemblyRefused refused, Corpus.Case each, Map<String, Integer> memberCalled)
            throws AssemblyRefused {
        boolean offered = false;
        for (String line : refused.candidates()) {
            offered |= isTrue(line, each, memberCalled);
        }
        assertThat(offered)
                .as("the truth about %s is among %s: %s", memberCalled, refused.candidates(), refused.sentence())
                .isTrue();
    }

    /** Whether one of several was to be chosen. */
    static boolean offeredBy(AssemblyRefused refused) {
        return refused.sentence().contains("cannot be told which disk is which");
    }

    private static boolean isTrue(String line, Corpus.Case each, Map<String, Integer> memberCalled)
            throws AssemblyRefused {
        Map<Integer, Integer> entryOf = new TreeMap<>();
        for (String word : line.split(" ", -1)) {
            Disk disk = Disk.parse(word);
            Integer member = memberCalled.get(disk.location());
            if (member == null || disk.serial().isEmpty()) {
                return false;
            }
            entryOf.put(member, disk.serial().get().charAt("/dev/vd".length()) - 'a');
        }
        return !entryOf.isEmpty()
                && entryOf.entrySet().stream()
                        .allMatch(entry -> entry.getKey().equals(entry.getValue())
                                || twins(each).stream()
                                        .anyMatch(twins ->
                                                twins.contains(entry.getKey()) && twins.contains(entry.getValue())));
    }

    /** Members in sync that hold the same, by the slots in which mdadm.txt has them. */
    private static List<Set<Integer>> twins(Corpus.Case each) {
        return switch (each.name()) {
            case "imsm-r10-4d-64k" -> List.of(Set.of(0, 3), Set.of(1, 2));
            case "imsm-r10-4d-rebuilding" -> List.of(Set.of(1, 3));
            default -> List.of();
        };
    }
}
