package redoubt.testkit;

import java.nio.file.Path;
import redoubt.base.ThreadHeartbeat;
import redoubt.block.DiskRefused;
import redoubt.block.FileDevice;
import redoubt.block.FileOptions;

/** A process of its own that opens a disk, says how that went, and holds it until its input ends. */
final class LockHolder {

    private LockHolder() {}

    /** Arguments: the disk; whether to read only. */
    public static void main(String[] arguments) throws Exception {
        FileOptions options = FileOptions.DEFAULTS.withReadOnly(Boolean.parseBoolean(arguments[1]));
        try (ThreadHeartbeat heartbeat = new ThreadHeartbeat(20_000_000);
                FileDevice device = FileDevice.open(Path.of(arguments[0]), options, heartbeat)) {
            System.out.println("holds " + device.identity());
            System.in.readAllBytes();
        } catch (DiskRefused refused) {
            System.out.println(refused.reason() + " " + refused.getMessage());
        }
    }
}
