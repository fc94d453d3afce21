package redoubt.kernfs;

import org.jspecify.annotations.Nullable;

/**
 * How a show or a store ended. Refusals are meant to be made once and kept in constants: an attribute on the way of a daemon that
 * memory reclaim waits for must be able to refuse without allocating.
 */
public final class Outcome {

    /** Done. */
    public static final Outcome OK = new Outcome(null, "");

    private final @Nullable Errno errno;
    private final String because;

    private Outcome(@Nullable Errno errno, String because) {
        this.errno = errno;
        this.because = because;
    }

    /**
     * A refusal.
     *
     * @param because one clause for people: what, why, and what to do
     */
    public static Outcome refused(Errno errno, String because) {
        return new Outcome(errno, because);
    }

    /** Whether it was done. */
    public boolean ok() {
        return errno == null;
    }

    /** Why it was not done; of a refusal only. */
    public Errno errno() {
        Errno present = errno;
        if (present == null) {
            throw new IllegalStateException("what was done has no errno");
        }
        return present;
    }

    /** The clause for people, empty when done. */
    public String because() {
        return because;
    }

    @Override
    public String toString() {
        return errno == null ? "OK" : errno + " (" + because + ")";
    }
}
