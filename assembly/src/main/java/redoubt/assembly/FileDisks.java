package redoubt.assembly;

import java.nio.file.Path;
import redoubt.base.Heartbeat;
import redoubt.block.BlockDevice;
import redoubt.block.DiskRefused;
import redoubt.block.FileDevice;
import redoubt.block.FileOptions;

/** Opens files and block devices. A URI is none of its business, and refused. */
public final class FileDisks implements DiskOpener {

    private final Heartbeat heartbeat;
    private final FileOptions options;

    /** @param heartbeat watches the members' time limits */
    public FileDisks(Heartbeat heartbeat) {
        this(heartbeat, FileOptions.DEFAULTS);
    }

    /** @param options for every disk; who may write and how long is waited comes with each disk */
    public FileDisks(Heartbeat heartbeat, FileOptions options) {
        this.heartbeat = heartbeat;
        this.options = options;
    }

    @Override
    public BlockDevice open(Disk disk, Access access, long memberTimeoutNanos) throws DiskRefused {
        Path path = DiskSet.pathOf(disk)
                .orElseThrow(() -> new DiskRefused(
                        DiskRefused.Reason.NOT_A_DISK,
                        Path.of(disk.location().replace('\0', '?')),
                        "nobody here opens such an address; give a file or a block device"));
        FileOptions.Lock lock = switch (access) {
            case LOOK -> FileOptions.Lock.NONE;
            case READ -> FileOptions.Lock.SHARED;
            case WRITE -> FileOptions.Lock.EXCLUSIVE;
        };
        FileOptions wanted = new FileOptions(
                access.readOnly(),
                memberTimeoutNanos,
                options.way(),
                options.threads(),
                options.caching(),
                options.blockBytes(),
                options.queueCapacity(),
                lock);
        return FileDevice.open(path, wanted, heartbeat);
    }
}
