package redoubt.metadata;

/**
 * A block, a wish or an event that a format will not accept. The message is one sentence: what, where, why, and what to do. Text
 * that came from a disk is escaped in it ({@link Printable}).
 */
public final class MetadataRefused extends Exception {

    /** States the refusal; {@code message} is the whole sentence. */
    public MetadataRefused(String message) {
        super(message);
    }

    /**
     * A block on a disk that is malformed.
     *
     * @param what the thing that is wrong
     * @param atByte where it stands on the disk, in bytes
     * @param because why that cannot be
     * @param remedy what to do
     */
    public static MetadataRefused malformed(String what, long atByte, String because, String remedy) {
        return new MetadataRefused("%s at byte %d of the disk: %s; %s".formatted(what, atByte, because, remedy));
    }

    /** The sentence, never null. */
    public String sentence() {
        return String.valueOf(getMessage());
    }
}
