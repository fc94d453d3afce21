package redoubt.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import redoubt.base.Heartbeat;
import redoubt.block.BlockDevice;
import redoubt.block.DiskRefused;
import redoubt.block.FileDevice;
import redoubt.block.FileOptions;
import redoubt.control.Attributes;
import redoubt.control.MountAttributes;
import redoubt.fuse.FuseMount;
import redoubt.mdmon.Mdmon;

/**
 * A process that serves, as a daemon reaches it through files: attributes of the mounted tree, doors as files beside them. When the daemon ends in
 * whatever way its doors are closed, and the server knows that it has left.
 *
 * @param mount where {@code serve --keeper external --mount} shows its tree
 * @param heartbeat watches the time limit of the doors
 */
record MountEngine(Path mount, Heartbeat heartbeat) implements Mdmon.Engine {

    /** One thread: metadata is written in order. The server says who may write, so there is nothing to lock. */
    private static final FileOptions DOOR =
            FileOptions.DEFAULTS.withWay(FileOptions.Way.THREADS).withThreads(1).withLock(FileOptions.Lock.NONE);

    @Override
    public Attributes attributes() throws IOException {
        return MountAttributes.open(mount);
    }

    @Override
    public BlockDevice door(String daemon, int disk) throws IOException {
        Path shown = mount.resolve("daemons/" + daemon + "/block/" + DoorDisks.name(disk));
        String block =
                Files.readString(shown.resolve("queue/logical_block_size")).strip();
        Path door = mount.resolve(FuseMount.DOORS).resolve(DoorFiles.name(daemon, disk));
        try {
            return FileDevice.open(door, DOOR.withBlockBytes(Integer.parseInt(block)), heartbeat);
        } catch (DiskRefused refused) {
            throw new IOException(refused.getMessage(), refused);
        }
    }
}
