package redoubt.cli;

import java.util.ArrayList;
import java.util.List;

/** Text in the shape of {@code /proc/mdstat}, taken apart and put together. */
final class Mdstat {

    private Mdstat() {}

    /** The lines of one array. */
    static List<String> entry(String mdstat, String array) {
        List<String> lines = new ArrayList<>();
        boolean inside = false;
        for (String line : mdstat.lines().toList()) {
            if (!line.startsWith(" ")) {
                inside = line.startsWith(array + " : ");
            }
            if (inside) {
                lines.add(line);
            }
        }
        return lines;
    }

    static void print(Console console, List<String> entries) {
        console.print(redoubt.md.Mdstat.PERSONALITIES);
        entries.forEach(console::print);
        console.print(redoubt.md.Mdstat.UNUSED);
    }
}
