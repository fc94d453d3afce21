package redoubt.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
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
            "With --test nothing is decided by reading: the exit code says how the array is."
        },
        exitCodeListHeading = "%nExit codes with --test:%n",
        exitCodeList = {
            "0:healthy",
            "1:degraded: a member is missing or failed, all data is there",
            "2:unusable",
            "4:nobody answers for it"
        },
        footer = {"", "Examples:", "  redoubt status", "  redoubt status --json", "  redoubt status --test vol0"})
final class StatusCommand extends Verb {

    private static final int TEST_NO_ANSWER = 4;

    @Mixin
    private Served served = new Served();

    @Option(names = "--json", description = "Print a JSON document.")
    private boolean json;

    @Option(names = "--test", description = "Let the exit code say how the array, or the worst of all, is.")
    private boolean test;

    @Parameters(arity = "0..1", paramLabel = "NAME", description = "The array. Default: all that are served here.")
    private Optional<String> name = Optional.empty();

    StatusCommand(Console console) {
        super(console);
    }

    record Document(Json.OutputVersion outputVersion, List<ArrayStatus> arrays) {}

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
        if (name.isPresent()) {
            try (Served.Array array = served.array(name.get())) {
                arrays.add(ArrayStatus.of(array));
                mdstat.addAll(Mdstat.entry(Served.read(array.attributes(), "mdstat"), array.name()));
            }
        } else {
            for (Attributes attributes : served.all()) {
                try (attributes) {
                    for (String each : Served.arrays(attributes)) {
                        arrays.add(ArrayStatus.of(new Served.Array(attributes, each)));
                        mdstat.addAll(Mdstat.entry(Served.read(attributes, "mdstat"), each));
                    }
                }
            }
        }
        if (json) {
            Json.print(console().out(), new Document(Json.OutputVersion.of("status"), arrays));
        } else {
            Mdstat.print(console(), mdstat);
        }
        return test ? testResult(arrays) : ExitCode.DONE.number();
    }

    private static int testResult(List<ArrayStatus> arrays) {
        return arrays.stream().mapToInt(ArrayStatus::health).max().orElse(TEST_NO_ANSWER);
    }
}
