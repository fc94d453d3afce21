package redoubt.metadata;

/**
 * A disk that is to become part of a new container.
 *
 * @param disk the caller's number for it
 * @param geometry its size
 * @param serial its serial in the format's normal form; formats that keep none ignore it
 * @param busAddress SCSI address as the format writes it, 0 when there is none
 */
public record NewDisk(int disk, DiskGeometry geometry, String serial, int busAddress) {}
