package redoubt.metadata;

import java.util.HexFormat;

/**
 * The 16 bytes that name a container or a volume.
 *
 * <p>md tools write them as four groups with colons; the rest of the world writes them in order with dashes. Both forms are here, and both
 * stand for the same bytes.
 *
 * @param bytes the 16 bytes in the order of the disk
 * @param groups how md tools read the four bytes of a group
 */
public record MdUuid(Bytes bytes, Groups groups) {

    /** How md tools read a group of four bytes. */
    public enum Groups {
        /** As a little-endian word: IMSM, md 0.90. */
        WORDS,
        /** As they stand: md 1. */
        BYTES
    }

    /** What a container without identity has, such as a spare alone. */
    public static final MdUuid ZERO = new MdUuid(Bytes.zeros(16), Groups.WORDS);

    /** Checks the length. */
    public MdUuid {
        if (bytes.length() != 16) {
            throw new IllegalArgumentException("a UUID of " + bytes.length() + " bytes");
        }
    }

    /** The form of mdadm: {@code b13d1c7b:fc769598:0027c77c:3d2e7990}. */
    public String colonForm() {
        StringBuilder text = new StringBuilder(35);
        for (int group = 0; group < 4; group++) {
            if (group > 0) {
                text.append(':');
            }
            for (int i = 0; i < 4; i++) {
                int at = group * 4 + (groups == Groups.WORDS ? 3 - i : i);
                text.append(HexFormat.of().toHexDigits((byte) bytes.at(at)));
            }
        }
        return text.toString();
    }

    /** The form of RFC 9562, bytes in order: {@code 7b1c3db1-9895-76fc-7cc7-270090792e3d}. */
    public String canonicalForm() {
        String hex = HexFormat.of().formatHex(bytes.toArray());
        return hex.substring(0, 8)
                + '-'
                + hex.substring(8, 12)
                + '-'
                + hex.substring(12, 16)
                + '-'
                + hex.substring(16, 20)
                + '-'
                + hex.substring(20);
    }

    @Override
    public String toString() {
        return colonForm();
    }
}
