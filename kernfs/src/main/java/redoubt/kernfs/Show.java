package redoubt.kernfs;

/**
 * Writes an attribute's present value. Runs with an active reference held, on whatever thread reads; what it must not do depends on who
 * reads: on the way of a daemon that memory reclaim waits for it allocates nothing and waits for nothing.
 */
@FunctionalInterface
public interface Show {

    /** Appends the value to {@code out}; {@link AttributeText#line()} ends it. */
    Outcome show(AttributeText out);
}
