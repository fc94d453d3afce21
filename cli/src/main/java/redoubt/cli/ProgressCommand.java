package redoubt.cli;

import picocli.CommandLine.Command;

/** {@code redoubt progress}: what shows that a write always makes progress. */
@Command(
        name = "progress",
        header = "What shows that a write always makes progress.",
        synopsisSubcommandLabel = "explore",
        description = {"", "Shows of which waits a write can become the prisoner, and of which it cannot."},
        footer = {"", "Examples:", "  redoubt progress explore --story", "  redoubt help progress"})
final class ProgressCommand extends Verb {

    ProgressCommand(Console console) {
        super(console);
    }

    @Override
    int run() throws Refused {
        throw new Refused(ExitCode.USAGE, "say what of it: 'redoubt progress explore'");
    }
}
