package redoubt.metadata;

import java.util.Optional;
import java.util.OptionalInt;

/**
 * The metadata of a container with the physical disks that stand for its entries: one immutable value, of which each event makes the
 * next. Nothing is written by it; {@link #write} says what to write.
 *
 * <p>All of this is pure and cheap, so a keeper may compute the image and the bytes of a likely event (the dirty mark) ahead of time and
 * carry out the prepared round when the event comes.
 */
public interface ContainerMetadata {

    /** Name of the format. */
    String format();

    /** The neutral picture, with the slots as the present disks make them. */
    ContainerPicture picture();

    /**
     * Makes the image after an event. The generation does not change: {@link #write} counts.
     *
     * @return the next image; where {@link #sameOnDisk} holds between the two, nothing needs to be written for the event
     * @throws MetadataRefused if the event cannot happen to this container
     */
    ContainerMetadata apply(MetadataEvent event) throws MetadataRefused;

    /** Whether the two, written with the same generation, would leave the same bytes on every disk. */
    boolean sameOnDisk(ContainerMetadata other);

    /**
     * What to write to which disk, in the lawful order, to make this image durable. Members are to be written one after another, each
     * finished before the next begins: there is one copy a disk, and a power cut must not tear two.
     *
     * @param onDisk the image that the same disks certainly carry already, whose unchanged parts are skipped; empty when not certain
     * @throws MetadataRefused if the image does not fit the format
     */
    WriteRound write(Optional<ContainerMetadata> onDisk) throws MetadataRefused;

    /** The same image with the generation raised so that the next round is newer than {@code generation} (unsigned). */
    ContainerMetadata newerThan(long generation);

    /** The entry for which the caller's disk stands. */
    OptionalInt indexOf(int disk);
}
