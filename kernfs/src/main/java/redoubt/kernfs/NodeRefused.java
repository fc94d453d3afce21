package redoubt.kernfs;

/** A node could not be added, found or opened. */
public final class NodeRefused extends Exception {

    private final Errno errno;

    /** States the refusal; {@code message} is a whole sentence. */
    public NodeRefused(Errno errno, String message) {
        super(message);
        this.errno = errno;
    }

    /** The kernel's word for it. */
    public Errno errno() {
        return errno;
    }
}
