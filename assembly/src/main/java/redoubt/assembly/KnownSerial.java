package redoubt.assembly;

/**
 * The serial by which a disk is known, and who says so.
 *
 * @param text in the normal form of the metadata
 * @param origin who says so
 */
public record KnownSerial(String text, Origin origin) {

    /** Who says so, the most trusted first: a person knows which disk an image was made from, a loop device does not. */
    public enum Origin {
        /** The user, with {@code ,serial=}. */
        GIVEN("given"),
        /** The device itself. */
        DEVICE("device"),
        /** The extended attribute {@code user.redoubt.serial} of an image file. */
        ATTRIBUTE("attribute"),
        /** Nobody: it follows from the content of the disks. */
        EVIDENCE("evidence"),
        /** Nobody: it is one of several that would do as well for reading. */
        ASSUMED("assumed");

        private final String word;

        Origin(String word) {
            this.word = word;
        }

        /** The word for users. */
        public String word() {
            return word;
        }
    }
}
