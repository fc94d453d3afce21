import org.jspecify.annotations.NullMarked;

/** Work items, pools and rescuers: work that is queued is done, also when no new thread can be made. */
@NullMarked
module redoubt.workqueue {
    requires static org.jspecify;
    requires transitive redoubt.base;

    exports redoubt.workqueue;
}
