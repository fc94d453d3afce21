package redoubt.metadata.md1;

import java.util.List;
import redoubt.base.Extent;
import redoubt.base.Sectors;
import redoubt.metadata.BlockReader;
import redoubt.metadata.Candidate;
import redoubt.metadata.ContainerChoice;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.Finding;
import redoubt.metadata.MemberChoice;
import redoubt.metadata.MetadataEvent.Seeds;
import redoubt.metadata.MetadataFormat;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.NewDisk;
import redoubt.metadata.Objection;
import redoubt.metadata.ReadFailed;
import redoubt.metadata.VolumePlan;

/** The codec of one minor version of md's metadata 1. Has no state. */
public final class Md1Format implements MetadataFormat {

    private final Md1Minor minor;

    /** Makes the codec of a minor version; all of one are alike. */
    public Md1Format(Md1Minor minor) {
        this.minor = minor;
    }

    @Override
    public String name() {
        return minor.version();
    }

    @Override
    public boolean namesItsMembers() {
        return true;
    }

    @Override
    public List<Extent> usualPlaces(DiskGeometry geometry) {
        long sector = minor.superblockSector(geometry);
        return sector < 0 ? List.of() : List.of(new Extent(Sectors.toBytes(sector), Md1Superblock.BLOCK_BYTES));
    }

    @Override
    public Finding probe(DiskGeometry geometry, BlockReader reader) throws ReadFailed {
        return new Md1Probe(minor, geometry, reader).probe();
    }

    @Override
    public String normalSerial(String reported) {
        return reported;
    }

    @Override
    public List<ContainerChoice> choose(List<Candidate> candidates) {
        return MemberChoice.choose(candidates, Md1Picture.NOT_WRITTEN);
    }

    @Override
    public ContainerMetadata create(List<NewDisk> disks) throws MetadataRefused {
        throw new MetadataRefused(Md1Picture.NOT_WRITTEN);
    }

    @Override
    public List<Objection> objections(ContainerMetadata container, VolumePlan plan) {
        return List.of(new Objection(Md1Picture.NOT_WRITTEN));
    }

    @Override
    public ContainerMetadata addVolume(ContainerMetadata container, VolumePlan plan, Seeds seeds)
            throws MetadataRefused {
        throw new MetadataRefused(Md1Picture.NOT_WRITTEN);
    }
}
