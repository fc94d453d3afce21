package redoubt.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;

/**
 * The streams and surroundings of a command, so that a test can hand in its own. Results go to {@link #out}, everything else to
 * {@link #err}.
 *
 * @param out results
 * @param err refusals, progress, warnings
 * @param in answers
 * @param environment the environment
 * @param inIsTerminal whether a person can answer
 * @param errIsTerminal whether a person sees progress as it moves
 */
record Console(
        PrintStream out,
        PrintStream err,
        InputStream in,
        Map<String, String> environment,
        boolean inIsTerminal,
        boolean errIsTerminal) {

    /** The process's own. */
    static Console ofProcess() {
        return new Console(
                utf8(System.out), utf8(System.err), System.in, System.getenv(), Libc.isTerminal(0), Libc.isTerminal(2));
    }

    private static PrintStream utf8(OutputStream stream) {
        return new PrintStream(stream, true, StandardCharsets.UTF_8);
    }

    /** A line on stderr, with {@code redoubt: } before it. */
    void say(String sentence) {
        err.println("redoubt: " + printable(sentence));
    }

    /** A line on stdout. Text from disks in it was made printable by whoever read it. */
    void print(String line) {
        out.println(printable(line));
    }

    /** Names of files come from anywhere: nothing in a line may talk to a terminal or begin another line. */
    static String printable(String text) {
        StringBuilder safe = new StringBuilder(text.length());
        text.codePoints().forEach(point -> {
            if (Character.isISOControl(point) && point != '\t') {
                safe.append("\\x%02x".formatted(point));
            } else {
                safe.appendCodePoint(point);
            }
        });
        return safe.toString();
    }

    /** A line that a person types; nothing at the end of input. */
    Optional<String> ask(String question) throws IOException {
        err.print(printable(question) + " ");
        err.flush();
        return Optional.ofNullable(new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8)).readLine());
    }
}
