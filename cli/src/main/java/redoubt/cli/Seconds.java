package redoubt.cli;

/** Spans of time as people write them. */
final class Seconds {

    private Seconds() {}

    /**
     * Reads {@code 5s}, {@code 250ms} or {@code 5} (seconds).
     *
     * @return nanoseconds
     * @throws Refused if it is not one
     */
    static long parse(String text) throws Refused {
        boolean millis = text.endsWith("ms");
        String number = millis
                ? text.substring(0, text.length() - 2)
                : text.endsWith("s") ? text.substring(0, text.length() - 1) : text;
        if (!number.matches("[0-9]{1,6}(\\.[0-9]{1,3})?")) {
            throw new Refused(ExitCode.USAGE, "'" + text + "' is not a time; write 5s or 250ms");
        }
        double value = Double.parseDouble(number);
        return Math.round(value * (millis ? 1e6 : 1e9));
    }
}
