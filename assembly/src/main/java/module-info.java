import org.jspecify.annotations.NullMarked;

/** From a set of disks, in any order, to a running array, or to the reason why not. */
@NullMarked
module redoubt.assembly {
    requires static org.jspecify;
    requires transitive redoubt.personality;
    requires transitive redoubt.keeper;

    exports redoubt.assembly;
}
