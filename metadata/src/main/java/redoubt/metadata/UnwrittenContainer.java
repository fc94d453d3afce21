package redoubt.metadata;

import java.util.Optional;
import java.util.OptionalInt;

/**
 * A container of a format that is read and not written: no event can happen to it.
 *
 * @param picture what it is
 * @param because why it is not written, a sentence
 */
public record UnwrittenContainer(ContainerPicture picture, String because) implements ContainerMetadata {

    @Override
    public String format() {
        return picture.format();
    }

    @Override
    public ContainerMetadata apply(MetadataEvent event) throws MetadataRefused {
        throw new MetadataRefused(because);
    }

    @Override
    public boolean sameOnDisk(ContainerMetadata other) {
        return equals(other);
    }

    @Override
    public WriteRound write(Optional<ContainerMetadata> onDisk) throws MetadataRefused {
        throw new MetadataRefused(because);
    }

    @Override
    public ContainerMetadata newerThan(long generation) {
        return this;
    }

    @Override
    public OptionalInt indexOf(int disk) {
        for (DiskEntry entry : picture.disks()) {
            if (entry.disk().equals(OptionalInt.of(disk))) {
                return entry.index();
            }
        }
        return OptionalInt.empty();
    }
}
