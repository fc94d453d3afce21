package redoubt.assembly;

import java.util.List;
import java.util.Optional;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.ContainerPicture;
import redoubt.metadata.MdUuid;

/**
 * A container that was found among the disks.
 *
 * @param format name of its metadata's format
 * @param uuid its identity
 * @param metadata the winning metadata with the disks that stand for its entries; absent where the disks contradict each other
 * @param contradiction what contradicts, and how to choose; absent where nothing does
 * @param volumes its volumes; empty where the disks contradict each other
 * @param disks the numbers of the disks that carry it, or may belong to it
 */
public record FoundContainer(
        String format,
        MdUuid uuid,
        Optional<ContainerMetadata> metadata,
        Optional<String> contradiction,
        List<FoundVolume> volumes,
        List<Integer> disks) {

    /** Takes unchangeable copies. */
    public FoundContainer {
        volumes = List.copyOf(volumes);
        disks = List.copyOf(disks);
    }

    /** The neutral picture, where there is a winning metadata. */
    public Optional<ContainerPicture> picture() {
        return metadata.map(ContainerMetadata::picture);
    }
}
