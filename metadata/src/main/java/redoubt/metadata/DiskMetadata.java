package redoubt.metadata;

import java.util.List;
import java.util.Optional;
import redoubt.base.Extent;

/** What one disk says, decoded and found whole. Only the format that read it can look deeper. */
public interface DiskMetadata {

    /** Name of the format. */
    String format();

    /** The container as this disk tells it; every disk it names counts as missing, since one disk sees no other. */
    ContainerPicture picture();

    /**
     * The parts of the disk that it says belong to its arrays, data and all. Where several formats have something on one disk, this tells which of
     * them lies within the data of another, or was overwritten by it.
     */
    List<Extent> claims();

    /** When its array was made, in seconds since 1970; 0 where nobody knows. */
    long createdAt();

    /** Every field with its exact value, for people and tools. {@code serial} tells which entry is this disk, if known. */
    Report report(Optional<String> serial);
}
