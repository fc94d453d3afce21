import org.jspecify.annotations.NullMarked;

/** Shared words and small facts, and the seam through which threads, locks, parking, time and workers enter. */
@NullMarked
module redoubt.base {
    requires static org.jspecify;

    exports redoubt.base;
}
