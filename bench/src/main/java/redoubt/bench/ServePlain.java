package redoubt.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import redoubt.base.Heartbeat;
import redoubt.base.ThreadHeartbeat;
import redoubt.block.BlockDevice;
import redoubt.block.FileDevice;
import redoubt.block.FileOptions;
import redoubt.block.IoMemory;
import redoubt.nbd.NbdExports;
import redoubt.nbd.NbdLimits;
import redoubt.nbd.NbdServer;

/**
 * Serves a file, or an array without metadata, until it is ended: the data path and nothing else. What an array costs is the difference to
 * a file; what its metadata costs is the difference of {@code redoubt serve} to this.
 */
public final class ServePlain {

    /** As {@code ./redoubt serve} starts its virtual machine. */
    static final List<String> FLAGS = List.of(
            "-Xms64m",
            "-Xmx64m",
            "-XX:+UseSerialGC",
            "-XX:-UsePerfData",
            "-XX:+AlwaysPreTouch",
            "-XX:+DisableExplicitGC",
            "-XX:CompressedClassSpaceSize=16m",
            "-XX:ReservedCodeCacheSize=32m",
            "-XX:InitialCodeCacheSize=32m",
            "--enable-native-access=ALL-UNNAMED");

    private static final long HEARTBEAT_NANOS = 100_000_000L;

    private final Heartbeat heartbeat = new ThreadHeartbeat(HEARTBEAT_NANOS);
    private final IoMemory memory = new IoMemory(
            new IoMemory.Cut(4096, 2048, 16), new IoMemory.Cut(32 << 10, 128, 4), new IoMemory.Cut(256 << 10, 128, 4));

    private ServePlain() {}

    /**
     * Serves.
     *
     * @param words the socket; what {@link PlainArray#start} knows; the members
     */
    public static void main(String[] words) throws Exception {
        ServePlain plain = new ServePlain();
        List<BlockDevice> members = new ArrayList<>();
        for (int i = 2; i < words.length; i++) {
            members.add(FileDevice.open(Path.of(words[i]), FileOptions.DEFAULTS, plain.heartbeat));
        }
        plain.serve(Path.of(words[0]), PlainArray.start(words[1], members, plain.heartbeat, plain.memory));
        new CountDownLatch(1).await();
    }

    private NbdServer serve(Path socket, BlockDevice device) throws Exception {
        NbdExports exports = new NbdExports();
        exports.add("plain", device, "");
        NbdServer server = new NbdServer(exports, memory, NbdLimits.standard());
        server.listenUnix(socket);
        return server;
    }
}
