package redoubt.assembly;

import java.util.Optional;
import redoubt.block.BlockDevice;
import redoubt.metadata.DiskGeometry;

/**
 * A disk that is open.
 *
 * @param number its place in the list that the user gave, from 0; means nothing but that
 * @param disk as the user named it
 * @param device the disk
 * @param reads how control threads read it
 * @param reported what the user or the disk says its serial is, raw
 * @param origin who says so; without meaning where nothing is reported
 */
record OpenDisk(
        int number,
        Disk disk,
        BlockDevice device,
        DiskReads reads,
        Optional<String> reported,
        KnownSerial.Origin origin) {

    /** Its geometry, if metadata can be on it at all: sectors of 512 or 4096 bytes. */
    Optional<DiskGeometry> geometry() {
        int block = device.limits().blockBytes();
        return block == 512 || block == 4096
                ? Optional.of(new DiskGeometry(device.limits().sizeBytes(), block))
                : Optional.empty();
    }

    String name() {
        return disk.location();
    }
}
