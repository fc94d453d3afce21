package redoubt.metadata.imsm;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import redoubt.base.Extent;
import redoubt.base.Sectors;
import redoubt.metadata.ContainerPicture;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.DiskMetadata;
import redoubt.metadata.Report;

/**
 * What one disk says.
 *
 * @param mpb the block, whole and lawful
 * @param geometry of the disk it was read from
 * @param migrationRecord the record in the last sector, where a reshape is under way
 */
public record ImsmDiskMetadata(ImsmSuper mpb, DiskGeometry geometry, Optional<ImsmMigrationRecord> migrationRecord)
        implements DiskMetadata {

    @Override
    public String format() {
        return ImsmFormat.NAME;
    }

    @Override
    public ContainerPicture picture() {
        return new ImsmPictures(
                        mpb,
                        geometry.sectorBytes(),
                        index -> mpb.disks().get(index).scsiId() != ImsmDisk.SCSI_ID_MISSING,
                        index -> OptionalInt.empty())
                .container(List.of());
    }

    @Override
    public List<Extent> claims() {
        List<Extent> claims = new ArrayList<>();
        for (ImsmDev dev : mpb.devs()) {
            ImsmMap map = dev.vol().map();
            // A smaller disk of the container does not have what the largest has.
            long sectors = Math.min(map.blocksPerMember(), geometry.sizeSectors() - map.firstSector());
            if (map.firstSector() >= 0 && sectors > 0) {
                claims.add(new Extent(Sectors.toBytes(map.firstSector()), Sectors.toBytes(sectors)));
            }
        }
        return claims;
    }

    @Override
    public long createdAt() {
        return mpb.creationTime();
    }

    @Override
    public Report report(Optional<String> serial) {
        return new ImsmReport(mpb, geometry, migrationRecord).report(serial);
    }

    /** The identity of a container as it is compared, eight hex digits. */
    static String identityText(int identity) {
        return "%08x".formatted(identity);
    }
}
