package redoubt.metadata.imsm;

import java.util.List;
import redoubt.metadata.MetadataRefused;

/** Refuses volumes that lie over each other, over the metadata, or beyond their disks (docs/FORMATS.md, "What is refused"). */
final class ImsmExtents {

    private ImsmExtents() {}

    /**
     * Checks a volume against its disks and the volumes before it. Disks recorded as failed are not looked at: they are never read, and
     * tools write what they like for a disk that is not there.
     */
    static void check(ImsmMpb mpb, int at, List<ImsmDisk> disks, List<ImsmDev> before, ImsmDev dev, int index)
            throws MetadataRefused {
        String what = "volume " + index;
        ImsmMap map = dev.vol().map();
        long start = map.firstSector();
        long end = start + ImsmGeometry.of(dev).componentSectors();
        long metadataSectors = (long) (2 + (mpb.size() - 1) / (512 * mpb.unit())) * mpb.unit();
        for (ImsmOrd ord : map.slots()) {
            ImsmDisk disk = disks.get(ord.index());
            if (!disk.failed() && end > disk.totalBlocks() - metadataSectors) {
                throw mpb.refused(
                        what,
                        at,
                        "its data ends at sector %d, and disk %d has %d sectors with %d of metadata at the end"
                                .formatted(end, ord.index(), disk.totalBlocks(), metadataSectors));
            }
        }
        for (int other = 0; other < before.size(); other++) {
            ImsmMap otherMap = before.get(other).vol().map();
            long otherStart = otherMap.firstSector();
            long otherEnd = otherStart + ImsmGeometry.of(before.get(other)).componentSectors();
            if (start < otherEnd && otherStart < end && shareDisk(map, otherMap)) {
                throw mpb.refused(what, at, "it lies over volume " + other + " on the same disk");
            }
        }
    }

    private static boolean shareDisk(ImsmMap one, ImsmMap other) {
        return one.slots().stream().anyMatch(ord -> other.slotOf(ord.index()) >= 0);
    }
}
