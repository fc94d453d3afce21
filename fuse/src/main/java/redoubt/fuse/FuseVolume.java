package redoubt.fuse;

import redoubt.block.BlockDevice;

/**
 * A device that is mounted as a file.
 *
 * @param name the file's name
 * @param device stays its owner's; it must outlive the mount
 */
public record FuseVolume(String name, BlockDevice device) {
    /** Checks that a file can be called that. */
    public FuseVolume {
        if (name.isEmpty() || name.equals(".") || name.equals("..") || name.indexOf('/') >= 0) {
            throw new IllegalArgumentException("no file can be called '" + name + "'");
        }
    }
}
