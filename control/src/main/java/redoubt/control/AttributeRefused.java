package redoubt.control;

import redoubt.kernfs.Errno;

/** An attribute was not shown or stored; the message is the server's sentence. */
public final class AttributeRefused extends Exception {

    private final Errno errno;

    /** States the refusal. */
    public AttributeRefused(Errno errno, String message) {
        super(message);
        this.errno = errno;
    }

    /** The kernel's word for it. */
    public Errno errno() {
        return errno;
    }

    /** The sentence, never null. */
    public String sentence() {
        return String.valueOf(getMessage());
    }
}
