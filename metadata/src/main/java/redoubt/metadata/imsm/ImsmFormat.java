package redoubt.metadata.imsm;

import java.util.List;
import redoubt.base.Extent;
import redoubt.metadata.BlockReader;
import redoubt.metadata.Candidate;
import redoubt.metadata.ContainerChoice;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.Finding;
import redoubt.metadata.MetadataEvent.Seeds;
import redoubt.metadata.MetadataFormat;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.NewDisk;
import redoubt.metadata.Objection;
import redoubt.metadata.ReadFailed;
import redoubt.metadata.VolumePlan;

/** The codec of Intel IMSM metadata. Has no state. */
public final class ImsmFormat implements MetadataFormat {

    /** Name of the format. */
    public static final String NAME = "imsm";

    /** Makes one; all are alike. */
    public ImsmFormat() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean namesItsMembers() {
        return false;
    }

    /** The last 65 KiB or so: anchor, the longest extension that is believed, and the migration record, in one run. */
    @Override
    public List<Extent> usualPlaces(DiskGeometry geometry) {
        long length = Math.min(
                (long) ImsmPlaces.MPB_BYTES_MAX + geometry.sectorBytes(),
                geometry.sizeBytes() - geometry.sizeBytes() % geometry.sectorBytes());
        if (length < 2L * geometry.sectorBytes()) {
            return List.of();
        }
        return List.of(
                new Extent(geometry.sizeBytes() - geometry.sizeBytes() % geometry.sectorBytes() - length, length));
    }

    @Override
    public Extent anchor(DiskGeometry geometry) {
        return new Extent(ImsmPlaces.of(geometry, geometry.sectorBytes()).anchorAt(), geometry.sectorBytes());
    }

    @Override
    public Finding probe(DiskGeometry geometry, BlockReader reader) throws ReadFailed {
        return ImsmProbe.probe(geometry, reader);
    }

    @Override
    public String normalSerial(String reported) {
        return ImsmSerial.normal(reported);
    }

    @Override
    public List<ContainerChoice> choose(List<Candidate> candidates) {
        return ImsmChoice.choose(candidates);
    }

    @Override
    public ContainerMetadata create(List<NewDisk> disks) throws MetadataRefused {
        return ImsmCreation.container(disks);
    }

    @Override
    public List<Objection> objections(ContainerMetadata container, VolumePlan plan) {
        return new ImsmObjections(new ImsmShape(ImsmContainer.of(container), plan)).objections();
    }

    @Override
    public ContainerMetadata addVolume(ContainerMetadata container, VolumePlan plan, Seeds seeds)
            throws MetadataRefused {
        return new ImsmCreation(new ImsmShape(ImsmContainer.of(container), plan)).create(seeds);
    }
}
