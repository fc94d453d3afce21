package redoubt.fuse;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicInteger;
import redoubt.block.BlockDevice;
import redoubt.block.BlockLimits;

/** A volume as the kernel sees it. Any thread. */
final class VolumeFile {

    final long number;
    final String name;
    final byte[] nameBytes;
    final BlockDevice device;
    final BlockLimits limits;

    /** How often it is open to be written. */
    final AtomicInteger writers = new AtomicInteger();

    private final FuseWriters users;

    VolumeFile(long number, FuseVolume volume, FuseWriters users) {
        this.users = users;
        this.number = number;
        this.name = volume.name();
        this.nameBytes = volume.name().getBytes(StandardCharsets.UTF_8);
        this.device = volume.device();
        this.limits = volume.device().limits();
    }

    /** Somebody opens it to write. */
    void writerCame() {
        writers.incrementAndGet();
        users.came();
    }

    /** Somebody who had it open to be written has it so no more. */
    void writerGone() {
        if (writers.getAndUpdate(before -> Math.max(0, before - 1)) > 0) {
            users.left();
        }
    }

    int mode() {
        return Wire.S_IFREG | (limits.readOnly() ? 0400 : 0600);
    }
}
