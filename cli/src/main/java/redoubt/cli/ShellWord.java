package redoubt.cli;

import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Words as a shell takes them, for commands that users are shown and may paste. */
final class ShellWord {

    private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9_@%+=:,./-]+");

    private ShellWord() {}

    /** The first word of a command of ours, as whoever asks has called us. */
    static String redoubt() {
        return of(System.getProperty("redoubt.called", "redoubt"));
    }

    /** A command of ours that can be pasted. */
    static String redoubt(List<String> words) {
        return redoubt() + " " + words.stream().map(ShellWord::of).collect(Collectors.joining(" "));
    }

    /** The word, in quotation marks where a shell would take it apart. */
    static String of(String word) {
        return PLAIN.matcher(word).matches() ? word : "'" + word.replace("'", "'\\''") + "'";
    }
}
