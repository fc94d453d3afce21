import org.jspecify.annotations.NullMarked;

/** Tests against software that nobody here wrote. Holds nothing that ships. */
@NullMarked
module redoubt.interop {
    requires static org.jspecify;

    exports redoubt.interop;
}
