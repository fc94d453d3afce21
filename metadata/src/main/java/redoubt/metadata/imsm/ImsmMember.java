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
public record ImsmMember(int disk, DiskGeometry geometry, String serial, int busAddress, int index) {

    /** Index of a disk that no table names. */
    public static final int SPARE = -1;

    /** Whether no table names it. */
    public boolean isSpare() {
        return index == SPARE;
    }

    ImsmMember withIndex(int newIndex) {
        return new ImsmMember(disk, geometry, serial, busAddress, newIndex);
    }
}
