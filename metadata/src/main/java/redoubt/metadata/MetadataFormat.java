package redoubt.metadata;

import java.util.List;
import redoubt.base.Extent;
import redoubt.metadata.MetadataEvent.Seeds;

/**
 * A codec: everything this house knows of one format of metadata. Pure: it opens nothing, prints nothing, knows no thread and no clock.
 * An instance has no state.
 */
public interface MetadataFormat {

    /** Name for users, such as {@code imsm}. */
    String name();

    /**
     * Whether each disk's metadata says which member that disk is. Where it does not, serials tell, or the content of the disks; where it does,
     * {@link #choose} places every disk and asks for no serial.
     */
    boolean namesItsMembers();

    /**
     * Where metadata of this format stands on a disk of that geometry in the usual case, so that a caller can read it all at once, save it
     * before it is overwritten, or fence it. Sorted, inside the disk; empty when the disk is too small for the format.
     */
    List<Extent> usualPlaces(DiskGeometry geometry);

    /**
     * The part of the usual places without which nobody knows the generation: whoever has read it has seen how new the metadata is. Only
     * for a disk that has usual places.
     */
    default Extent anchor(DiskGeometry geometry) {
        return usualPlaces(geometry).getFirst();
    }

    /**
     * Looks at one disk.
     *
     * @throws ReadFailed what the reader threw
     */
    Finding probe(DiskGeometry geometry, BlockReader reader) throws ReadFailed;

    /**
     * The serial of a disk as this format writes it, from what the disk reports; the same text where the format writes none.
     *
     * @param reported text from the disk or the user
     */
    String normalSerial(String reported);

    /**
     * From disks in any order to containers. The answer does not depend on the order of the candidates.
     *
     * @return one choice for each identity among the candidates, largest first; candidates with nothing of this format are in none
     */
    List<ContainerChoice> choose(List<Candidate> candidates);

    /**
     * A new container without volumes: every disk a spare.
     *
     * @throws MetadataRefused if these disks cannot be together
     */
    ContainerMetadata create(List<NewDisk> disks) throws MetadataRefused;

    /** Everything that stands against a plan, in the order in which a user would want to know; empty when nothing does. */
    List<Objection> objections(ContainerMetadata container, VolumePlan plan);

    /**
     * The container with one more volume.
     *
     * @throws MetadataRefused with the first objection, if there is one
     */
    ContainerMetadata addVolume(ContainerMetadata container, VolumePlan plan, Seeds seeds) throws MetadataRefused;
}
