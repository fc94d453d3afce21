package redoubt.fuse;

/** Nothing could be mounted. The message is one clause for people, without a full stop. */
public final class FuseRefused extends Exception {

    /** States the refusal. */
    public FuseRefused(String message) {
        super(message);
    }

    /** The clause. */
    public String sentence() {
        return String.valueOf(getMessage());
    }
}
