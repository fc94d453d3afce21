package redoubt.base;

/** One piece of a {@link Worker}'s work: short, and never blocking where the worker serves an array. */
@FunctionalInterface
public interface Step {

    /**
     * Does the next piece.
     *
     * @return whether there was one; after false the worker sleeps until it is woken
     */
    boolean run();
}
