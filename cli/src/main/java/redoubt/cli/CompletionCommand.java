package redoubt.cli;

import picocli.CommandLine.Command;

/** {@code redoubt completion}: the script that makes a shell complete our words. */
@Command(
        name = "completion",
        header = "A script that makes a shell complete these words.",
        description = {"", "Prints a script with which bash and zsh complete verbs and options."},
        footer = {"", "Example:", "  source <(redoubt completion)"})
final class CompletionCommand extends Verb {

    CompletionCommand(Console console) {
        super(console);
    }

    @Override
    int run() {
        console().out().print(Main.completionScript(console()));
        return ExitCode.DONE.number();
    }
}
