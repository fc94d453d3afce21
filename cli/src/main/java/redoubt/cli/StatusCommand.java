package redoubt.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import redoubt.control.Attributes;

/** {@code redoubt status}: what is served, in the shape of {@code /proc/mdstat}. */
@Command(
        name = "status",
        header = "What is served, in the shape of /proc/mdstat.",
        sortOptions = false,
        description = {
            "Shows the arrays that are served, in the shape of /proc/mdstat: name, level, members with their slots and"
                    + " (F) for those that failed, size in KiB, and one U for each slot in sync.",
            "",
            "Where a write might wait for memory in a process that serves, that is said on stderr, a sentence for each"
                    + " reason, with 'unsafe' before it: for example that its memory is not locked. What else does not hold there"
                    + " follows. With --health its measures are shown: whether it is safe; memory locked, in use and swapped out;"
                    + " threads, and how many are marked as I/O flushers; oom_score_adj; and, since it began to serve, page"
                    + " faults, classes loaded, milliseconds of compilation, threads started, and the longest time that its"
                    + " heartbeat (one each 20 ms) stood still. A measure that cannot be taken there is 'unknown'.",
            "",
            "With --test nothing is decided by reading: the exit code says how the array is."
        },
        exitCodeListHeading = "%nExit codes with --test:%n",
        exitCodeList = {
            "0:healthy",
            "1:degraded: a member is missing or failed, or the members are not known to agree; all data is there",
            "2:unusable",
            "4:nobody answers for it"
        },
        footer = {
            "",
            "Examples:",
            "  redoubt status",
            "  redoubt status --json",
            "  redoubt status --health vol0",
            "  redoubt status --test vol0"
        })
final class StatusCommand extends Verb {

    private static final int TEST_NO_ANSWER = 4;

    @Mixin
    private Served served = new Served();

    @Option(names = "--json", description = "Print a JSON document.")
    private boolean json;

    @Option(names = "--health", description = "Show also what is measured in the process that serves.")
    private boolean health;

    @Option(names = "--test", description = "Let the exit code say how the array, or the worst of all, is.")
    private boolean test;

    @Parameters(arity = "0..1", paramLabel = "NAME", description = "The array. Default: all that are served here.")
    private Optional<String> name = Optional.empty();

    StatusCommand(Console console) {
        super(console);
    }

    /**
     * The JSON document.
     *
     * @param unsafe why a write might wait for memory in the processes that serve them, a sentence each
     * @param notPromised what does not hold in the processes that serve them, a sentence each
     * @param health what is measured in each of these processes; empty unless asked for
     */
    record Document(
            Json.OutputVersion outputVersion,
            List<ArrayStatus> arrays,
            List<String> unsafe,
            List<String> notPromised,
            List<Map<String, Object>> health) {}

    @Override
    int run() throws Refused, IOException {
        try {
            return show();
        } catch (Refused refused) {
            if (test && refused.exitCode() == ExitCode.TRY_AGAIN.number()) {
                console().say(refused.sentence());
                return TEST_NO_ANSWER;
            }
            throw refused;
        }
    }

    private int show() throws Refused, IOException {
        List<ArrayStatus> arrays = new ArrayList<>();
        List<String> mdstat = new ArrayList<>();
        Set<String> unsafe = new LinkedHashSet<>();
        Set<String> notPromised = new LinkedHashSet<>();
        List<Map<String, Object>> measures = new ArrayList<>();
        if (name.isPresent()) {
            try (Served.Array array = served.array(name.get())) {
                arrays.add(ArrayStatus.of(array));
                mdstat.addAll(Mdstat.entry(Served.read(array.attributes(), "mdstat"), array.name()));
                look(array.attributes(), unsafe, notPromised, measures);
            }
        } else {
            for (Attributes attributes : served.all()) {
                try (attributes) {
                    for (String each : Served.arrays(attributes)) {
                        arrays.add(ArrayStatus.of(new Served.Array(attributes, each)));
                        mdstat.addAll(Mdstat.entry(Served.read(attributes, "mdstat"), each));
                    }
                    look(attributes, unsafe, notPromised, measures);
                }
            }
        }
        if (json) {
            Json.print(
                    console().out(),
                    new Document(
                            Json.OutputVersion.of("status"),
                            arrays,
                            List.copyOf(unsafe),
                            List.copyOf(notPromised),
                            measures));
        } else {
            Mdstat.print(console(), mdstat);
            for (ArrayStatus array : arrays) {
                if (!array.redundancyKnown()) {
                    console()
                            .print(
                                    "%s: whether its members agree is not known, so it may not survive what it would else: %s"
                                            .formatted(array.name(), ArrayStatus.WHY_REDUNDANCY_IS_UNKNOWN));
                }
            }
            for (Map<String, Object> measured : measures) {
                console().print("");
                measured.forEach((what, value) -> console().print("%22s : %s".formatted(what, value)));
            }
            if (!test) { // a script that asks how the array is gets mail for every other word
                unsafe.forEach(reason -> console().say("unsafe: " + reason));
                notPromised.stream()
                        .filter(sentence -> !unsafe.contains(sentence))
                        .forEach(sentence -> console().say("does not hold here: " + sentence));
            }
        }
        return test ? testResult(arrays) : ExitCode.DONE.number();
    }

    private void look(
            Attributes attributes, Set<String> unsafe, Set<String> notPromised, List<Map<String, Object>> measures)
            throws Refused, IOException {
        Served.read(attributes, ServedTree.UNSAFE).lines().forEach(unsafe::add);
        Served.read(attributes, ServedTree.NOT_PROMISED).lines().forEach(notPromised::add);
        if (health) {
            Map<String, Object> measured = new LinkedHashMap<>();
            measured.put("pid", number(Served.read(attributes, ServedTree.PID)));
            Served.read(attributes, ServedTree.HEALTH).lines().forEach(line -> {
                int blank = line.indexOf(' ');
                measured.put(line.substring(0, blank), number(line.substring(blank + 1)));
            });
            measures.add(measured);
        }
    }

    private static Object number(String value) {
        return value.matches("-?[0-9]{1,18}") ? (Object) Long.valueOf(value) : value;
    }

    private static int testResult(List<ArrayStatus> arrays) {
        return arrays.stream().mapToInt(ArrayStatus::health).max().orElse(TEST_NO_ANSWER);
    }
}
