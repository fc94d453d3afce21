package redoubt.metadata;

/** The caller could not read what a codec asked for; carries the caller's own words. */
public final class ReadFailed extends Exception {

    /** States what failed, in a sentence. */
    public ReadFailed(String message) {
        super(message);
    }

    /** States what failed and what it came from. */
    public ReadFailed(String message, Throwable cause) {
        super(message, cause);
    }
}
