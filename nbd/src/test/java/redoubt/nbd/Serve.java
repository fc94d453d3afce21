package redoubt.nbd;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.concurrent.locks.LockSupport;
import redoubt.block.BlockLimits;
import redoubt.block.IoMemory;

/** For trying the server by hand and for measuring it: serves a device in memory until it is killed. */
final class Serve {

    private Serve() {}

    public static void main(String[] args) throws Exception {
        long size = Long.parseLong(args[1]) << 20;
        MemoryExport device = new MemoryExport(new BlockLimits(size, 512, 4096, 1 << 20, false, true, true, false));
        if (args.length > 2) {
            SplittableRandom random = new SplittableRandom(1);
            for (long at = 0; at < size; at += 8) {
                device.content.set(java.lang.foreign.ValueLayout.JAVA_LONG, at, random.nextLong());
            }
        }
        NbdExports exports = new NbdExports();
        exports.add("memory", device, "a device in memory");
        IoMemory memory = new IoMemory(
                new IoMemory.Cut(4096, 2048, 16),
                new IoMemory.Cut(32 << 10, 128, 4),
                new IoMemory.Cut(256 << 10, 128, 4));
        NbdServer server = new NbdServer(exports, memory, NbdLimits.standard());
        server.listenUnix(Path.of(args[0]));
        System.out.println(server.addresses() + " "
                + server.listenTcp(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)));
        while (true) {
            LockSupport.parkNanos(10_000_000_000L);
            System.out.println(server.status());
        }
    }
}
