import org.jspecify.annotations.NullMarked;

/** Mounts the attribute tree and, apart from it, volumes: the FUSE protocol, spoken directly to /dev/fuse. */
@NullMarked
module redoubt.fuse {
    requires static org.jspecify;
    requires transitive redoubt.kernfs;
    requires transitive redoubt.block;

    exports redoubt.fuse;
}
