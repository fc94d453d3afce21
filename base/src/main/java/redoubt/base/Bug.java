package redoubt.base;

/**
 * What is thrown on the data path where only a mistake in this program can lead. Each is made with the class that may throw it, and has no stack: in
 * a famine of memory there is none for either. Its sentence says which mistake it was, and stands once in the sources.
 */
public final class Bug extends IllegalStateException {

    private static final long serialVersionUID = 1;

    private Bug(String what) {
        super(what);
    }

    /** For a constant; {@code what} is a sentence that no other one has. */
    public static Bug of(String what) {
        return new Bug(what);
    }

    @Override
    public synchronized Throwable fillInStackTrace() {
        return this;
    }
}
