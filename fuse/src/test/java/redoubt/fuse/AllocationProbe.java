package redoubt.fuse;

import java.io.RandomAccessFile;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.List;
import redoubt.base.Clock;
import redoubt.block.MemoryDevice;

/** Reads and writes open files of a mount, and says how much the mount's threads allocated meanwhile, in bytes. */
final class AllocationProbe {

    private static final int TURNS = 40;

    private AllocationProbe() {}

    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        int rounds = Integer.parseInt(arguments[1]);
        Tree tree = new Tree();
        MemoryDevice device = new MemoryDevice(1 << 20, 512);
        try (FuseMount mount =
                        FuseMount.open(folder, tree.root, List.of(new FuseVolume("vol0", device)), Clock.system());
                RandomAccessFile shown = new RandomAccessFile(
                        folder.resolve("block/md0/md/count").toFile(), "r");
                RandomAccessFile volume =
                        new RandomAccessFile(mount.volumes().resolve("vol0").toFile(), "rw")) {
            ByteBuffer text = ByteBuffer.allocateDirect(4096);
            ByteBuffer data = ByteBuffer.allocateDirect(8192);
            use(shown.getChannel(), volume.getChannel(), text, data, rounds);
            // Compiling and de-optimizing leave a few bytes now and then; what a request allocates is there in every
            // turn.
            long least = Long.MAX_VALUE;
            for (int turn = 0; turn < TURNS && least != 0; turn++) {
                long before = allocated();
                use(shown.getChannel(), volume.getChannel(), text, data, rounds);
                least = Math.min(least, allocated() - before);
            }
            System.out.println("allocated " + least);
        }
    }

    private static void use(FileChannel shown, FileChannel volume, ByteBuffer text, ByteBuffer data, int rounds)
            throws Exception {
        for (int i = 0; i < rounds; i++) {
            shown.read(text.clear(), 0);
            volume.write(data.clear(), 4096);
            volume.read(data.clear(), 4096 + 100);
            volume.force(true);
        }
    }

    private static long allocated() {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        long all = 0;
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().startsWith("fuse-")) {
                all += threads.getThreadAllocatedBytes(thread.threadId());
            }
        }
        return all;
    }
}
