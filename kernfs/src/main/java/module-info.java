import org.jspecify.annotations.NullMarked;

/** The attribute tree: nodes that are shown, stored, notified and polled, without a lock that a waiter could hold. */
@NullMarked
module redoubt.kernfs {
    requires static org.jspecify;
    requires transitive redoubt.base;
    requires transitive redoubt.workqueue;

    exports redoubt.kernfs;
}
