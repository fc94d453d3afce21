package redoubt.cli;

import java.util.Locale;

/** Sizes as people write them. */
final class Sizes {

    private static final String UNITS = "KMGTPE";

    private Sizes() {}

    /**
     * Reads {@code 64K}, {@code 1.5G}, {@code 4096}: a number of bytes, or of KiB, MiB and so on with one letter ({@code K}, {@code KB} and
     * {@code KiB} are the same).
     *
     * @throws Refused if it is not one, or too large
     */
    static long parse(String text) throws Refused {
        String number = text.strip();
        String lower = number.toLowerCase(Locale.ROOT);
        if (lower.endsWith("ib")) {
            number = number.substring(0, number.length() - 2);
        } else if (lower.endsWith("b")) {
            number = number.substring(0, number.length() - 1);
        }
        int shift = 0;
        if (!number.isEmpty()) {
            int unit = UNITS.indexOf(Character.toUpperCase(number.charAt(number.length() - 1)));
            if (unit >= 0) {
                shift = 10 * (unit + 1);
                number = number.substring(0, number.length() - 1);
            }
        }
        if (!number.matches("[0-9]{1,19}(\\.[0-9]{1,6})?")) {
            throw new Refused(ExitCode.USAGE, "'" + text + "' is not a size; write 64K, 20M or 1.5G");
        }
        try {
            java.math.BigDecimal bytes =
                    new java.math.BigDecimal(number).multiply(new java.math.BigDecimal(1L << shift));
            return bytes.longValueExact();
        } catch (ArithmeticException tooLarge) {
            throw new Refused(ExitCode.USAGE, "'" + text + "' is no whole number of bytes that a disk could have");
        }
    }

    /** Bytes for people: {@code 18.0 MiB}. */
    static String shown(long bytes) {
        if (bytes < 1024) {
            return bytes + " bytes";
        }
        double value = bytes;
        int unit = -1;
        while (value >= 1024 && unit + 1 < UNITS.length()) {
            value /= 1024;
            unit++;
        }
        return "%.1f %siB".formatted(value, UNITS.charAt(unit));
    }
}
