package redoubt.metadata.imsm;

import redoubt.metadata.DiskGeometry;

/**
 * A physical disk of a container.
 *
 * @param disk the caller's number
 * @param geometry its size
 * @param serial its own serial, as long as it is no longer matched by a failed entry too
 * @param busAddress SCSI address
 * @param index entry of the disk table for which it stands, or {@link #SPARE}
 */
record ImsmMember(int disk, DiskGeometry geometry, String serial, int busAddress, int index) {

    static final int SPARE = -1;

    boolean isSpare() {
        return index == SPARE;
    }

    ImsmMember withIndex(int newIndex) {
        return new ImsmMember(disk, geometry, serial, busAddress, newIndex);
    }
}
