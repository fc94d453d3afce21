package redoubt.metadata.imsm;

import redoubt.metadata.RaidLevel;

/**
 * What a volume's map means in md's terms (docs/FORMATS.md, "map").
 *
 * @param level level; on disk 1 stands for RAID1 with two members and for RAID10 with any other number
 * @param members slots
 * @param dataMembers members' worth of data: RAID0 n, RAID1 and RAID10 n/2, RAID5 n-1
 * @param stripSectors chunk
 * @param componentSectors data on each member, whole chunks except for RAID1
 * @param exportSectors size for the user that the component can hold
 */
record ImsmGeometry(
        RaidLevel level, int members, int dataMembers, int stripSectors, long componentSectors, long exportSectors) {

    /** mdadm's granule of member sizes, and the room behind a volume's data for PPL or bitmap: 1 MiB. */
    static final int GRANULE_SECTORS = 2048;

    private static final int LAYOUT_RAID10_NEAR_2 = 0x102;

    static ImsmGeometry of(ImsmDev dev) {
        return of(dev.vol().map(), dev.sizeSectors());
    }

    static ImsmGeometry of(ImsmMap map, long sizeSectors) {
        int members = map.members();
        RaidLevel level = level(map.raidLevel(), members);
        int dataMembers = dataMembers(level, members);
        int strip = map.blocksPerStrip();
        long component = component(level, map.dataStripes(), strip, dataMembers, sizeSectors);
        return new ImsmGeometry(
                level, members, dataMembers, strip, component, Math.min(sizeSectors, component * dataMembers));
    }

    /**
     * The stripe count times the chunk, twice that for mirrors; but a count that is off by more than a granule is stale (an old tool wrote
     * it, or none did), and then the user's size decides.
     */
    private static long component(RaidLevel level, long stripes, int strip, int dataMembers, long sizeSectors) {
        int copies = level == RaidLevel.RAID1 || level == RaidLevel.RAID10 ? 2 : 1;
        long bySize = sizeSectors / dataMembers;
        // More stripes than this cannot agree with the size, and below it nothing overflows.
        long stripesMax = Math.ceilDiv(bySize + GRANULE_SECTORS, strip);
        long component = bySize;
        if (stripes <= stripesMax) {
            long byStripes = stripes * strip * copies;
            if (Math.abs(byStripes * dataMembers - sizeSectors) <= (long) GRANULE_SECTORS * dataMembers) {
                component = byStripes;
            }
        }
        return level == RaidLevel.RAID1 ? component : component - component % strip;
    }

    /** Why a level and a member count cannot go together; empty when they can. */
    static String levelObjection(int raidLevel, int members) {
        return switch (raidLevel) {
            case 0 -> "";
            case 1, 10 ->
                (raidLevel == 1 && members == 2) || (members >= 4 && members % 2 == 0)
                        ? ""
                        : "a mirror of " + members + " members does not exist here (2, or an even number from 4)";
            case 5 -> members >= 3 ? "" : "a RAID5 of " + members + " members does not exist (3 or more)";
            default -> "level " + raidLevel + " is unknown (0, 1, 5 and 10 exist)";
        };
    }

    static RaidLevel level(int raidLevel, int members) {
        return switch (raidLevel) {
            case 0 -> RaidLevel.RAID0;
            case 1 -> members == 2 ? RaidLevel.RAID1 : RaidLevel.RAID10;
            case 10 -> RaidLevel.RAID10;
            case 5 -> RaidLevel.RAID5;
            default -> throw new IllegalArgumentException("level " + raidLevel + " was not refused");
        };
    }

    static int dataMembers(RaidLevel level, int members) {
        return switch (level) {
            case RAID1, RAID10 -> members / 2;
            case RAID5 -> members - 1;
            default -> members;
        };
    }

    /** md's layout number. */
    int layout() {
        return level == RaidLevel.RAID10 ? LAYOUT_RAID10_NEAR_2 : 0;
    }
}
