package redoubt.cli;

import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Option;

/**
 * One verb of the command line. It does its work in {@link #run}, and says what it did not do by throwing; how that becomes a sentence and
 * an exit code is the matter of {@link Main}.
 */
abstract class Verb implements Callable<Integer> {

    private final Console console;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this page.")
    @SuppressWarnings("UnusedVariable") // picocli asks for it
    private boolean help;

    Verb(Console console) {
        this.console = console;
    }

    final Console console() {
        return console;
    }

    /**
     * Does the work.
     *
     * @return the exit code; 0 unless the verb says in its manual what another one means
     */
    abstract int run() throws Refused, IOException;

    @Override
    public final Integer call() throws Refused, IOException {
        return run();
    }
}
