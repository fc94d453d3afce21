import org.jspecify.annotations.NullMarked;

/** What disks say about the array they form, read and written byte for byte. Opens nothing and prints nothing. */
@NullMarked
module redoubt.metadata {
    requires static org.jspecify;
    requires transitive redoubt.base;

    exports redoubt.metadata;
    exports redoubt.metadata.imsm;
    exports redoubt.metadata.md0;
    exports redoubt.metadata.md1;
}
