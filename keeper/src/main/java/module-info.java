import org.jspecify.annotations.NullMarked;

/** Who keeps the metadata of a running array, and answers by event when it is durable. */
@NullMarked
module redoubt.keeper {
    requires static org.jspecify;
    requires transitive redoubt.md;
    requires transitive redoubt.metadata;
    requires transitive redoubt.block;
    requires transitive redoubt.kernfs;
    requires transitive redoubt.workqueue;

    exports redoubt.keeper;
}
