package redoubt.metadata;

/** What one disk says, decoded and found whole. Only the format that read it can look deeper. */
public interface DiskMetadata {

    /** Name of the format. */
    String format();

    /** The container as this disk tells it; every disk it names counts as missing, since one disk sees no other. */
    ContainerPicture picture();

    /** Every field with its exact value, for people and tools. {@code serial} tells which entry is this disk, if known. */
    Report report(java.util.Optional<String> serial);
}
