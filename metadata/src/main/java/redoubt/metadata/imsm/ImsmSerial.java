package redoubt.metadata.imsm;

import java.nio.charset.StandardCharsets;
import redoubt.metadata.Bytes;

/** Serials of disks, which alone tell the members of a container apart (docs/FORMATS.md, "Disk"). */
final class ImsmSerial {

    private static final int BYTES = ImsmDisk.SERIAL_BYTES;
    private static final String FAILED_SUFFIX = ":0";

    private ImsmSerial() {}

    /** From what a disk reports: blanks and control characters go, ':' becomes ';', the last 16 characters stay. */
    static String normal(String reported) {
        StringBuilder kept = new StringBuilder();
        for (int i = 0; i < reported.length() && reported.charAt(i) != 0; i++) {
            char c = reported.charAt(i);
            if (c > 0x20) {
                kept.append(c == ':' ? ';' : c);
            }
        }
        return kept.substring(Math.max(0, kept.length() - BYTES));
    }

    /** The 16 bytes up to the first NUL. */
    static String text(Bytes serial) {
        int end = 0;
        while (end < serial.length() && serial.at(end) != 0) {
            end++;
        }
        return new String(serial.toArray(), 0, end, StandardCharsets.ISO_8859_1);
    }

    /** The text cut to 16 bytes, NUL padded. */
    static Bytes raw(String text) {
        byte[] encoded = text.getBytes(StandardCharsets.ISO_8859_1);
        byte[] raw = new byte[BYTES];
        System.arraycopy(encoded, 0, raw, 0, Math.min(encoded.length, BYTES));
        return Bytes.of(raw);
    }

    /**
     * The serial of a disk that failed, which the physical disk no longer matches: ":0" behind it, and leading characters dropped so that
     * 15 and a NUL remain. Bytes behind the NUL stay as they were.
     */
    static Bytes failed(Bytes serial) {
        String marked = text(serial) + FAILED_SUFFIX;
        String kept = marked.substring(Math.max(0, marked.length() - (BYTES - 1)));
        byte[] raw = serial.toArray();
        byte[] encoded = kept.getBytes(StandardCharsets.ISO_8859_1);
        System.arraycopy(encoded, 0, raw, 0, encoded.length);
        raw[encoded.length] = 0;
        return Bytes.of(raw);
    }

    /** The serial of a disk that is missing at activation: the first byte dropped, the last byte kept in its place. */
    static Bytes missing(Bytes serial) {
        byte[] raw = serial.toArray();
        System.arraycopy(raw, 1, raw, 0, BYTES - 1);
        return Bytes.of(raw);
    }
}
