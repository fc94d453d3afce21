package redoubt.metadata;

import java.util.List;
import java.util.Optional;

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
     * @param believable what the disk says as far as its checksum proves it, to be believed only where no whole copy is as new
     */
    record Torn(String because, TornClaim claim, Optional<DiskMetadata> believable) implements Finding {}

    /**
     * The checksum is right and the content cannot be.
     *
     * @param because the refusal
     */
    record Malformed(MetadataRefused because) implements Finding {}

    /** What the disk says of its arrays, with or without the others' consent. */
    default Optional<DiskMetadata> told() {
        return switch (this) {
            case Whole(DiskMetadata metadata) -> Optional.of(metadata);
            case Torn torn -> torn.believable();
            case Absent absent -> Optional.empty();
            case Malformed malformed -> Optional.empty();
        };
    }

    /**
     * The few words of a torn block that help to place its disk.
     *
     * @param identity what tells containers apart, as the format writes it
     * @param generation claimed count of writes, unsigned
     * @param failed disks that it calls failed, as the format writes them, so far as they stand in the part that was written at once
     */
    record TornClaim(String identity, long generation, List<String> failed) {
        /** Takes an unchangeable copy. */
        public TornClaim {
            failed = List.copyOf(failed);
        }
    }
}
