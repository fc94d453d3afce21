package redoubt.fuse;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import redoubt.base.Clock;
import redoubt.block.MemoryDevice;

/** A process that mounts and waits to be killed, or for the end of its input. */
final class MountHolder {

    private MountHolder() {}

    public static void main(String[] arguments) throws IOException {
        MemoryDevice device = new MemoryDevice(1 << 20, 512);
        try (FuseMount mount = FuseMount.open(
                Path.of(arguments[0]), new Tree().root, List.of(new FuseVolume("vol0", device)), Clock.system())) {
            System.out.println("mounted " + mount.guardianPid());
            while (System.in.read() >= 0) {
                System.out.println("faults " + mount.faults());
            }
        } catch (FuseRefused refused) {
            System.out.println("refused " + refused.sentence());
        }
    }
}
