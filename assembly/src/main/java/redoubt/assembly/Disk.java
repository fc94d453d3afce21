package redoubt.assembly;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A disk as the user names it: {@code PATH[,serial=TEXT]}. The path is a file, a block device or a URI. A comma in the path itself is no
 * trouble, since only the last {@code ,serial=} counts.
 *
 * @param location where it is, as it was written
 * @param serial the serial that the user gives it, in the user's own spelling
 */
public record Disk(String location, Optional<String> serial) {

    private static final String SERIAL = ",serial=";
    private static final Pattern ANOTHER_WORD = Pattern.compile("^([^\0]+),([A-Za-z_-]+)=(.*)$");

    /** Checks that something was named. */
    public Disk {
        if (location.isEmpty()) {
            throw new IllegalArgumentException("a disk without a path");
        }
    }

    /** A disk of which nothing but its place is given. */
    public static Disk at(String location) {
        return new Disk(location, Optional.empty());
    }

    /**
     * Reads {@code PATH[,serial=TEXT]}.
     *
     * @throws AssemblyRefused if there is no path, or a serial that is empty
     */
    public static Disk parse(String text) throws AssemblyRefused {
        int at = text.lastIndexOf(SERIAL);
        String location = at < 0 ? text : text.substring(0, at);
        if (location.isEmpty() || location.indexOf('\0') >= 0) {
            throw new AssemblyRefused(
                    AssemblyRefused.Reason.USAGE, "'%s' names no disk; write PATH or PATH,serial=TEXT".formatted(text));
        }
        if (at < 0) {
            refuseAnotherWord(text);
            return at(location);
        }
        String serial = text.substring(at + SERIAL.length());
        if (serial.isBlank()) {
            throw new AssemblyRefused(
                    AssemblyRefused.Reason.USAGE,
                    "'%s' gives an empty serial; leave ',serial=' out or write the serial behind it".formatted(text));
        }
        return new Disk(location, Optional.of(serial));
    }

    private static void refuseAnotherWord(String text) throws AssemblyRefused {
        Matcher word = ANOTHER_WORD.matcher(text);
        if (word.find() && !Files.exists(Path.of(text.replace('\0', '?'))) && Files.exists(Path.of(word.group(1)))) {
            throw new AssemblyRefused(
                    AssemblyRefused.Reason.USAGE,
                    "'%s': there is nothing to say of a disk with '%s'; write %s,serial=%s"
                            .formatted(text, word.group(2), word.group(1), word.group(3)));
        }
    }

    /** Whether the location is a URI and not a path. */
    public boolean isUri() {
        int colon = location.indexOf("://");
        return colon > 0 && location.substring(0, colon).matches("[A-Za-z][A-Za-z0-9+.-]*");
    }

    @Override
    public String toString() {
        return location + serial.map(text -> SERIAL + text).orElse("");
    }
}
