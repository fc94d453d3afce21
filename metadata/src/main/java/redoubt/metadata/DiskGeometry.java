package redoubt.metadata;

import redoubt.base.Sectors;

/**
 * How large a disk is, and in which units it is addressed.
 *
 * @param sizeBytes whole size in bytes
 * @param sectorBytes logical sector size in bytes, 512 or 4096
 */
public record DiskGeometry(long sizeBytes, int sectorBytes) {

    /** Checks that a disk can be so. */
    public DiskGeometry {
        if (sizeBytes < 0) {
            throw new IllegalArgumentException("a disk of " + sizeBytes + " bytes");
        }
        if (sectorBytes != 512 && sectorBytes != 4096) {
            throw new IllegalArgumentException("a disk with sectors of " + sectorBytes + " bytes; 512 and 4096 exist");
        }
    }

    /** Whole 512-byte sectors on the disk. */
    public long sizeSectors() {
        return Sectors.ofBytes(sizeBytes);
    }
}
