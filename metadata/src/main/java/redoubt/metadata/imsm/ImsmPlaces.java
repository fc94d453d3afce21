package redoubt.metadata.imsm;

import redoubt.metadata.DiskGeometry;

/**
 * Where the parts of the metadata stand on a disk of D bytes with sectors of S bytes (docs/FORMATS.md, "Where it stands").
 *
 * <pre>
 *   D - (2+x)S            D - 2S      D - S        D
 *   | extension (x sectors) | anchor    | migration  |
 *   | block[S .. (1+x)S)    | block[0,S)| record     |
 * </pre>
 *
 * @param sectorBytes S
 * @param diskBytes D
 * @param extensionSectors x
 */
record ImsmPlaces(int sectorBytes, long diskBytes, int extensionSectors) {

    /** Smallest and largest block that is believed. A header with one disk and no volume has 264 bytes. */
    static final int MPB_BYTES_MIN = 264;

    static final int MPB_BYTES_MAX = 65536;

    static ImsmPlaces of(DiskGeometry geometry, int mpbBytes) {
        int sector = geometry.sectorBytes();
        return new ImsmPlaces(sector, geometry.sizeBytes(), Math.ceilDiv(mpbBytes, sector) - 1);
    }

    long migrationRecordAt() {
        return diskBytes - sectorBytes;
    }

    long anchorAt() {
        return diskBytes - 2L * sectorBytes;
    }

    long extensionAt() {
        return diskBytes - (2L + extensionSectors) * sectorBytes;
    }

    int extensionBytes() {
        return extensionSectors * sectorBytes;
    }

    /** Bytes of anchor and extension together. */
    int blockBytes() {
        return (1 + extensionSectors) * sectorBytes;
    }

    /** Place on the disk of a byte of the block. */
    long onDisk(int blockByte) {
        return blockByte < sectorBytes ? anchorAt() + blockByte : extensionAt() + (blockByte - sectorBytes);
    }
}
