package redoubt.metadata;

/**
 * Makes text that came from a disk safe to print: what is not a printable ASCII character, and the backslash, becomes {@code \xNN}, so
 * that a name can neither start a new log line nor talk to a terminal.
 */
public final class Printable {

    private Printable() {}

    /** The text with everything dangerous escaped. */
    public static String of(String text) {
        StringBuilder safe = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            append(safe, text.charAt(i));
        }
        return safe.toString();
    }

    private static void append(StringBuilder safe, char c) {
        if (c >= 0x20 && c < 0x7F && c != '\\') {
            safe.append(c);
        } else if (c <= 0xFF) {
            safe.append("\\x%02x".formatted((int) c));
        } else {
            safe.append("\\u%04x".formatted((int) c));
        }
    }
}
