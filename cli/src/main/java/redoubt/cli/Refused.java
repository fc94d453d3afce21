package redoubt.cli;

import java.util.List;

/**
 * What the user wants is not done: one clear sentence on stderr, and the exit code. Never for bugs, which are unchecked exceptions.
 *
 * <p>The sentence begins with a small letter or a name, since {@code redoubt: } is put before it, and has no full stop.
 */
final class Refused extends Exception {

    private final int exitCode;
    private final List<String> choices;

    Refused(ExitCode exitCode, String sentence) {
        this(exitCode.number(), sentence, List.of());
    }

    /**
     * Refuses.
     *
     * @param choices what can be chosen from, a line each
     */
    Refused(int exitCode, String sentence, List<String> choices) {
        super(sentence);
        this.exitCode = exitCode;
        this.choices = List.copyOf(choices);
    }

    int exitCode() {
        return exitCode;
    }

    String sentence() {
        return String.valueOf(getMessage());
    }

    List<String> choices() {
        return choices;
    }
}
