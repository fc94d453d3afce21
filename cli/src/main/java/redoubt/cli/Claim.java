package redoubt.cli;

import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import redoubt.assembly.Access;
import redoubt.assembly.Disk;
import redoubt.block.BlockDevice;
import redoubt.block.DiskRefused;
import redoubt.nbd.NbdUri;

/**
 * A block device that is written over is ours alone meanwhile: it is held open as a member would be, so that one which is mounted, or
 * served by somebody, is refused, and nobody takes it until we are done. Of a file, a pipe or an export nothing is held.
 */
final class Claim implements AutoCloseable {

    private final String destination;
    private final @Nullable BlockDevice device;

    private Claim(String destination, @Nullable BlockDevice device) {
        this.destination = destination;
        this.device = device;
    }

    static Claim of(Engine engine, String destination, long timeoutNanos) throws Refused, IOException {
        boolean noPath = destination.equals("-") || NbdUri.looksLikeOne(destination);
        if (noPath || !FileTarget.isBlockDevice(Path.of(destination))) {
            return new Claim(destination, null);
        }
        try {
            return new Claim(destination, engine.opener().open(Disk.at(destination), Access.WRITE, timeoutNanos));
        } catch (DiskRefused refused) {
            boolean inUse = refused.reason() == DiskRefused.Reason.IN_USE;
            throw new Refused(inUse ? ExitCode.REFUSED : ExitCode.IO, String.valueOf(refused.getMessage()));
        }
    }

    /** Refuses a device that is too small, before anything is written. */
    void mustHold(long bytes) throws Refused {
        if (device != null && device.limits().sizeBytes() < bytes) {
            throw new Refused(
                    ExitCode.IO,
                    "'%s' has %d bytes, and the array %d; name a larger DEST"
                            .formatted(destination, device.limits().sizeBytes(), bytes));
        }
    }

    @Override
    public void close() {
        if (device != null) {
            device.close();
        }
    }
}
