package redoubt.metadata;

/** What a codec found on one disk. */
public sealed interface Finding {

    /** Nothing of this format. */
    record Absent() implements Finding {}

    /** Metadata that is whole and makes sense. */
    record Whole(DiskMetadata metadata) implements Finding {}

    /**
     * The signature stands there but the checksum is wrong: a power cut in the middle of a metadata write leaves this, and so does a read
     * that races with a writer (read again a few times, some milliseconds apart, where one may be at work).
     *
     * @param because one sentence
     * @param claim what the unverified block says of itself, to be believed only where other members say the same
     */
    record Torn(String because, TornClaim claim) implements Finding {}

    /**
     * The checksum is right and the content cannot be.
     *
     * @param because the refusal
     */
    record Malformed(MetadataRefused because) implements Finding {}

    /**
     * The few words of a torn block that help to place its disk.
     *
     * @param identity what tells containers apart, as the format writes it
     * @param generation claimed count of writes, unsigned
     */
    record TornClaim(String identity, long generation) {}
}
