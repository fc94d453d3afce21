package redoubt.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A command that was run here, and what it said. */
record Run(int exit, String out, String err) {

    /** Runs a command; whatever it keeps, it keeps in the folder. */
    static Run of(Path folder, String... words) {
        return typing(folder, null, words);
    }

    /** The same with a person at a terminal who types this. */
    static Run typing(Path folder, String answer, String... words) {
        return run(folder, answer, false, words);
    }

    /** The same where a person sees progress as it moves. */
    static Run watched(Path folder, String... words) {
        return run(folder, null, true, words);
    }

    private static Run run(Path folder, String answer, boolean watched, String... words) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Console console = new Console(
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8),
                new ByteArrayInputStream((answer == null ? "" : answer + "\n").getBytes(StandardCharsets.UTF_8)),
                Map.of("XDG_STATE_HOME", folder.toString()),
                answer != null,
                watched);
        int exit = Main.run(console, words);
        return new Run(exit, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    /**
     * Makes two disks, disk0 and disk1 with the serials S0 and S1, and a RAID1 named v on them.
     *
     * @param more words for {@code create}
     * @return the disks, as a command takes them
     */
    static List<String> createMirror(Path folder, long diskBytes, String... more) throws IOException {
        List<String> disks = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            Path path = folder.resolve("disk" + i);
            try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
                file.setLength(diskBytes);
            }
            disks.add(path + ",serial=S" + i);
        }
        List<String> words = new ArrayList<>(List.of("create", "v", "--metadata", "imsm", "--level", "1"));
        words.addAll(List.of(more));
        words.addAll(disks);
        assertThat(of(folder, words.toArray(String[]::new)).exit()).isZero();
        return disks;
    }
}
