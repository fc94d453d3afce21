package redoubt.metadata;

import java.util.List;

/**
 * A container in no format's words.
 *
 * @param format name of the format
 * @param version version text of the metadata
 * @param uuid identity of the container
 * @param generation count of writes, unsigned
 * @param sectorBytes logical sector size that all its disks share
 * @param disks the table, in order of index, then spares that are in no table
 * @param volumes the volumes, in order
 */
public record ContainerPicture(
        String format,
        String version,
        MdUuid uuid,
        long generation,
        int sectorBytes,
        List<DiskEntry> disks,
        List<VolumePicture> volumes) {

    /** Takes unchangeable copies of the lists. */
    public ContainerPicture {
        disks = List.copyOf(disks);
        volumes = List.copyOf(volumes);
    }
}
