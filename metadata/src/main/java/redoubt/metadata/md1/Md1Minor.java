package redoubt.metadata.md1;

import redoubt.base.Sectors;
import redoubt.metadata.DiskGeometry;

/** The minor versions: the same superblock in three places. */
public enum Md1Minor {
    /** 8 to 12 KiB before the end, in a sector that is a multiple of 8. */
    V1_0("1.0"),
    /** At the very start. */
    V1_1("1.1"),
    /** 4 KiB behind the start. */
    V1_2("1.2");

    private final String version;

    Md1Minor(String version) {
        this.version = version;
    }

    /** The version as users write it. */
    public String version() {
        return version;
    }

    /** The sector of the superblock on a disk; negative where the disk is too small. */
    long superblockSector(DiskGeometry geometry) {
        long sectors = geometry.sizeSectors();
        long at = switch (this) {
            case V1_0 -> sectors - 16 & ~7L;
            case V1_1 -> 0;
            case V1_2 -> 8;
        };
        return at < 0 || at > sectors - Sectors.ofBytes(Md1Superblock.BLOCK_BYTES) ? -1 : at;
    }
}
