import org.jspecify.annotations.NullMarked;

/** The other side of the seam in base: a clock that is stepped by hand, a scheduler that runs one step at a time, and rooms with a mistake in them. */
@NullMarked
module redoubt.sim {
    requires static org.jspecify;
    requires transitive redoubt.base;

    exports redoubt.sim;
}
