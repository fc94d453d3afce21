import org.jspecify.annotations.NullMarked;

/** The NBD server, which serves any device and knows no array, and the NBD client, which is a remote member. */
@NullMarked
module redoubt.nbd {
    requires static org.jspecify;
    requires transitive redoubt.block;
    requires jdk.net;

    exports redoubt.nbd;
}
