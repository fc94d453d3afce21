package redoubt.metadata;

/** What this engine may do with a volume, and why not more. */
public sealed interface VolumeAccess {

    /** Read and write. */
    record ReadWrite() implements VolumeAccess {}

    /**
     * Read only: writing would break what the metadata promises to others.
     *
     * @param because a clause that says why, for the middle of a sentence
     */
    record ReadOnly(String because) implements VolumeAccess {}

    /**
     * Not even read: the data cannot be found by this engine.
     *
     * @param because a clause that says why, for the middle of a sentence
     */
    record Blocked(String because) implements VolumeAccess {}
}
