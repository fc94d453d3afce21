package redoubt.assembly;

import redoubt.block.BlockDevice;
import redoubt.block.DiskRefused;

/** Opens disks by their location. What lies beyond files and block devices (an NBD URI) is opened by whoever can see that room. */
@FunctionalInterface
public interface DiskOpener {

    /**
     * Opens a disk, and locks it as far as {@code access} demands. Closing the device gives the lock back.
     *
     * @param memberTimeoutNanos the age at which a request to it is given up; 0 for never
     * @throws DiskRefused if it is not there, is no disk, is in use
     */
    BlockDevice open(Disk disk, Access access, long memberTimeoutNanos) throws DiskRefused;
}
