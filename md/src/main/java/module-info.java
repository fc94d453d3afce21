import org.jspecify.annotations.NullMarked;

/** One array: its members, its state, and the gate every write passes. Knows no metadata format and no socket. */
@NullMarked
module redoubt.md {
    requires static org.jspecify;
    requires transitive redoubt.block;
    requires transitive redoubt.kernfs;
    requires transitive redoubt.workqueue;

    exports redoubt.md;
}
