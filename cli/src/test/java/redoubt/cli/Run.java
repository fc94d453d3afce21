package redoubt.cli;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;

/** A command that was run here, and what it said. */
record Run(int exit, String out, String err) {

    /** Runs a command; whatever it keeps, it keeps in the folder. */
    static Run of(Path folder, String... words) {
        return typing(folder, null, words);
    }

    /** The same with a person at a terminal who types this. */
    static Run typing(Path folder, String answer, String... words) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Console console = new Console(
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8),
                new ByteArrayInputStream((answer == null ? "" : answer + "\n").getBytes(StandardCharsets.UTF_8)),
                Map.of("XDG_STATE_HOME", folder.toString()),
                answer != null,
                false);
        int exit = Main.run(console, words);
        return new Run(exit, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }
}
