import org.jspecify.annotations.NullMarked;

/** Devices that are submitted to and never waited for: requests, their pool, lanes, and members that are files or memory. */
@NullMarked
module redoubt.block {
    requires static org.jspecify;
    requires transitive redoubt.base;
    requires jdk.unsupported;

    exports redoubt.block;
}
