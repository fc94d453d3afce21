package redoubt.metadata.imsm;

import java.util.List;

/**
 * The largest run of sectors that is free on every one of some disks (mdadm, super-intel.c, merge_extents).
 *
 * @param firstSector where it begins
 * @param sectors how long it is; 0 or less when there is none
 */
record ImsmRoom(long firstSector, long sectors) {

    /** Two volumes are kept 4 MiB apart. A first volume leaves the end reserved, a second what its disks leave. */
    static ImsmRoom largest(ImsmContainer container, List<ImsmMember> members) {
        ImsmSuper mpb = container.mpb();
        long end = Long.MAX_VALUE;
        for (ImsmMember member : members) {
            long reserved = member.isSpare()
                    ? ImsmReservation.MPB_SECTORS + ImsmReservation.GAP_SECTORS
                    : ImsmReservation.of(mpb, member.index());
            end = Math.min(end, member.geometry().sizeSectors() - reserved);
        }
        ImsmRoom best = new ImsmRoom(0, end);
        for (ImsmDev dev : mpb.devs()) {
            long start = dev.vol().map().firstSector();
            long behind = start + ImsmGeometry.of(dev).componentSectors() + ImsmReservation.GAP_SECTORS;
            // Whole 4 KiB, so that the place can be written on any disk.
            long aligned = Math.ceilDiv(behind, 8L) * 8;
            ImsmRoom before =
                    new ImsmRoom(best.firstSector, Math.min(best.sectors, start - ImsmReservation.GAP_SECTORS));
            ImsmRoom after = new ImsmRoom(aligned, end - aligned);
            best = before.sectors > after.sectors ? before : after;
        }
        return best;
    }
}
