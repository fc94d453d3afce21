package redoubt.metadata.imsm;

import redoubt.metadata.RaidLevel;

/** How many sectors of each member one unit of a migration stands for (mdadm, super-intel.c, blocks_per_migr_unit). */
final class ImsmMigrationUnit {

    private static final int MIRROR_STEP_SECTORS = 256;
    private static final int RAID5_REBUILD_SECTORS_MIN = 128;

    private ImsmMigrationUnit() {}

    /** Sectors of each member, or 0 where the unit is not known from the volume alone (reshape: the migration record says it). */
    static long sectors(ImsmDev dev) {
        return switch (dev.migration()) {
            case INIT, VERIFY, REPAIR -> resync(dev.vol());
            case REBUILD -> rebuild(dev.vol());
            case NONE, GENERAL, STATE_CHANGE -> 0;
        };
    }

    private static long resync(ImsmVol vol) {
        ImsmMap map = vol.map();
        ImsmMap source = vol.truthMap();
        int members = map.members();
        RaidLevel level = ImsmGeometry.level(map.raidLevel(), members);
        long strip = map.blocksPerStrip();
        long dataMembers = ImsmGeometry.dataMembers(level, members);
        long step = level == RaidLevel.RAID5 || level == RaidLevel.RAID10 ? strip : MIRROR_STEP_SECTORS;
        long volumeBlocks = stripesPerUnit(vol) * step * dataMembers;
        long stripe = strip * dataMembers;
        long depth = switch (level) {
            case RAID1, RAID10 -> strip * copies(map);
            case RAID5 -> strip * members;
            default -> strip;
        };
        return volumeBlocks / stripe * depth + remainder(source, volumeBlocks % stripe);
    }

    /** Where on a member the last, incomplete stripe of a unit ends. */
    private static long remainder(ImsmMap map, long rest) {
        int members = map.members();
        long strip = map.blocksPerStrip();
        return switch (ImsmGeometry.level(map.raidLevel(), members)) {
            case RAID1, RAID10 -> (rest / strip * copies(map) + 1) / members * strip + rest % strip;
            case RAID5 -> rest / strip / (members - 1) * strip + rest % strip;
            default -> 0;
        };
    }

    private static long rebuild(ImsmVol vol) {
        ImsmMap source = vol.truthMap();
        long strip = source.blocksPerStrip();
        return switch (ImsmGeometry.level(source.raidLevel(), source.members())) {
            case RAID1, RAID10 ->
                (source.members() % copies(source) == 0 ? MIRROR_STEP_SECTORS : strip) * copies(source);
            case RAID5 -> Math.max(RAID5_REBUILD_SECTORS_MIN, strip) * stripesPerUnit(vol);
            default -> MIRROR_STEP_SECTORS * stripesPerUnit(vol);
        };
    }

    private static long stripesPerUnit(ImsmVol vol) {
        return Math.max(1, vol.truthMap().blocksPerStrip() / vol.map().blocksPerStrip());
    }

    /** num_domains as written; 0, which nobody should write, counts as 1. */
    private static int copies(ImsmMap map) {
        return Math.max(1, map.domains());
    }
}
