package redoubt.metadata.md0;

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

/** The codec of md's metadata 0.90, of either byte order. Has no state. */
public final class Md0Format implements MetadataFormat {

    static final String NAME = "0.90";

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean namesItsMembers() {
        return true;
    }

    @Override
    public List<Extent> usualPlaces(DiskGeometry geometry) {
        long sector = Md0Superblock.sectorOn(geometry);
        return sector < 0 ? List.of() : List.of(new Extent(Sectors.toBytes(sector), Md0Superblock.BLOCK_BYTES));
    }

    @Override
    public Finding probe(DiskGeometry geometry, BlockReader reader) throws ReadFailed {
        return new Md0Probe(geometry, reader).probe();
    }

    @Override
    public String normalSerial(String reported) {
        return reported;
    }

    @Override
    public List<ContainerChoice> choose(List<Candidate> candidates) {
        return MemberChoice.choose(candidates, Md0Picture.NOT_WRITTEN);
    }

    @Override
    public ContainerMetadata create(List<NewDisk> disks) throws MetadataRefused {
        throw new MetadataRefused(Md0Picture.NOT_WRITTEN);
    }

    @Override
    public List<Objection> objections(ContainerMetadata container, VolumePlan plan) {
        return List.of(new Objection(Md0Picture.NOT_WRITTEN));
    }

    @Override
    public ContainerMetadata addVolume(ContainerMetadata container, VolumePlan plan, Seeds seeds)
            throws MetadataRefused {
        throw new MetadataRefused(Md0Picture.NOT_WRITTEN);
    }
}
