package redoubt.cli;

import java.util.List;
import redoubt.block.BlockDevice;
import redoubt.fuse.FuseFiles;
import redoubt.fuse.FuseVolume;
import redoubt.fuse.FuseWriters;
import redoubt.keeper.Incarnation;

/**
 * The doors of daemons as files of the mount: {@code doors/NAME:0} and so on, in the order of the container's disks. A daemon whose doors were
 * open to be written, and are so no more, has ended in whatever way: then it leaves.
 */
final class DoorFiles implements DaemonTrees.Doors {

    /** Metadata is written in small pieces. */
    private static final int LONGEST_BYTES = 64 << 10;

    private final FuseFiles files;

    DoorFiles(List<BlockDevice> disks) {
        int longest = LONGEST_BYTES;
        int block = 0;
        for (BlockDevice disk : disks) {
            longest = Math.min(longest, disk.limits().maxTransferBytes());
            block = Math.max(block, disk.limits().blockBytes());
        }
        files = new FuseFiles(longest, block);
    }

    /** What is to be mounted. */
    FuseFiles files() {
        return files;
    }

    /** What the file of a door is called: the number behind the last colon tells the disk. */
    static String name(String daemon, int disk) {
        return daemon + ":" + disk;
    }

    @Override
    public void open(Incarnation daemon) {
        FuseWriters daemonItself = new FuseWriters(daemon::leave);
        for (int disk = 0; disk < daemon.doors(); disk++) {
            files.add(new FuseVolume(name(daemon.name(), disk), daemon.door(disk)), daemonItself);
        }
    }

    @Override
    public void shut(Incarnation daemon) {
        for (int disk = 0; disk < daemon.doors(); disk++) {
            files.remove(name(daemon.name(), disk));
        }
    }
}
