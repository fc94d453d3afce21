package redoubt.metadata.imsm;

/** Sectors at the end of a disk that volumes leave alone (docs/FORMATS.md, "Where it stands"). */
final class ImsmReservation {

    /** Room for the block, the migration record and the copy area of a reshape. */
    static final int MPB_SECTORS = 2210;

    /** A further 4 MiB; also the gap between two volumes. */
    static final int GAP_SECTORS = 8192;

    private ImsmReservation() {}

    /** Reservation on the disk of an entry; a disk that volumes already fill further leaves what is left. */
    static long of(ImsmSuper mpb, int index) {
        ImsmDisk disk = mpb.disks().get(index);
        if (disk.spareOrJournal() && !disk.configured()) {
            return MPB_SECTORS;
        }
        long end = endOfVolumes(mpb, index);
        long reserved = MPB_SECTORS + GAP_SECTORS;
        if (end == 0) {
            return reserved;
        }
        // Whole 1 KiB, but never less than the block itself takes.
        long left = Math.max(0, disk.totalBlocks() - end) & ~1L;
        return Math.max(Math.min(reserved, left), Math.ceilDiv(mpb.bytes(), 512));
    }

    /** Reservation that a spare must respect to fit: no more than what the tightest member really leaves. */
    static long forSpare(ImsmSuper mpb) {
        long reserved = MPB_SECTORS + ImsmGeometry.GRANULE_SECTORS;
        for (int index = 0; index < mpb.disks().size(); index++) {
            ImsmDisk disk = mpb.disks().get(index);
            long end = endOfVolumes(mpb, index);
            if (end > 0 && !disk.failed()) {
                reserved = Math.min(reserved, disk.totalBlocks() - end);
            }
        }
        return Math.max(reserved, Math.ceilDiv(mpb.bytes(), 512));
    }

    /** The sector behind the last volume on a disk, 0 when there is none. */
    private static long endOfVolumes(ImsmSuper mpb, int index) {
        long end = 0;
        for (ImsmDev dev : mpb.devs()) {
            ImsmMap map = dev.vol().map();
            if (map.slotOf(index) >= 0) {
                end = Math.max(end, map.firstSector() + ImsmGeometry.of(dev).componentSectors());
            }
        }
        return end;
    }
}
