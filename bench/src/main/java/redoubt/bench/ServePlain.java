package redoubt.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.function.Function;
import redoubt.base.Heartbeat;
import redoubt.base.ThreadHeartbeat;
import redoubt.base.WorkerFactory;
import redoubt.block.BlockDevice;
import redoubt.block.DiskRefused;
import redoubt.block.FileDevice;
import redoubt.block.FileOptions;
import redoubt.block.IoMemory;
import redoubt.block.IoRequestPool;
import redoubt.md.Array;
import redoubt.md.ArrayPlan;
import redoubt.md.Level;
import redoubt.md.Member;
import redoubt.md.MemberState;
import redoubt.md.Personality;
import redoubt.md.PersonalityHost;
import redoubt.nbd.NbdExports;
import redoubt.nbd.NbdLimits;
import redoubt.nbd.NbdServer;
import redoubt.personality.CopiesPersonality;
import redoubt.personality.NearLayout;
import redoubt.workqueue.Workqueue;

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
            "--enable-native-access=ALL-UNNAMED",
            "--add-modules=jdk.incubator.vector");

    private static final int CHUNK_BYTES = 64 << 10;
    private static final int CHILDREN = 8192;
    private static final long HEARTBEAT_NANOS = 100_000_000L;

    private final Heartbeat heartbeat = new ThreadHeartbeat(HEARTBEAT_NANOS);
    private final IoMemory memory = new IoMemory(
            new IoMemory.Cut(4096, 2048, 16), new IoMemory.Cut(32 << 10, 128, 4), new IoMemory.Cut(256 << 10, 128, 4));

    private ServePlain() {}

    /**
     * Serves.
     *
     * @param words the socket; {@code file}, {@code raid0}, {@code raid1} or {@code raid10}; the members
     */
    public static void main(String[] words) throws Exception {
        ServePlain plain = new ServePlain();
        List<BlockDevice> members = new ArrayList<>();
        for (int i = 2; i < words.length; i++) {
            members.add(FileDevice.open(Path.of(words[i]), FileOptions.DEFAULTS, plain.heartbeat));
        }
        plain.serve(Path.of(words[0]), plain.device(words[1], members));
        new CountDownLatch(1).await();
    }

    private NbdServer serve(Path socket, BlockDevice device) throws Exception {
        NbdExports exports = new NbdExports();
        exports.add("plain", device, "");
        NbdServer server = new NbdServer(exports, memory, NbdLimits.standard());
        server.listenUnix(socket);
        return server;
    }

    private BlockDevice device(String level, List<BlockDevice> members) throws DiskRefused {
        int slots = members.size();
        return switch (level) {
            case "file" -> members.getFirst();
            case "raid0" -> copies(Level.RAID0, new NearLayout(slots, 1, CHUNK_BYTES), members);
            case "raid1" -> copies(Level.RAID1, new NearLayout(slots, slots, CHUNK_BYTES), members);
            case "raid10" -> copies(Level.RAID10, new NearLayout(slots, 2, CHUNK_BYTES), members);
            default -> throw new IllegalArgumentException("there is no level " + level);
        };
    }

    private Array copies(Level level, NearLayout layout, List<BlockDevice> members) {
        return array(layout.capacity(componentBytes(members)), members, host -> {
            return new CopiesPersonality(host, level, layout, CHUNK_BYTES);
        });
    }

    private static long componentBytes(List<BlockDevice> members) {
        return members.stream()
                        .mapToLong(member -> member.limits().sizeBytes())
                        .min()
                        .orElseThrow()
                / CHUNK_BYTES
                * CHUNK_BYTES;
    }

    private Array array(long sizeBytes, List<BlockDevice> members, Function<PersonalityHost, Personality> personality) {
        List<ArrayPlan.Occupant> occupants = new ArrayList<>();
        for (int slot = 0; slot < members.size(); slot++) {
            occupants.add(new ArrayPlan.Occupant(
                    new Member(slot, "member" + slot, members.get(slot), 0), MemberState.IN_SYNC));
        }
        ArrayPlan plan = new ArrayPlan(
                "plain",
                componentBytes(members),
                sizeBytes,
                512,
                occupants,
                true,
                true,
                false,
                0,
                ArrayPlan.MAX_READ_ERRORS);
        Workqueue queue = Workqueue.orderedMemReclaim("plain", WorkerFactory.threads());
        Array array = new Array(plan, personality, queue, heartbeat, new IoRequestPool(CHILDREN), memory);
        array.start(null);
        return array;
    }
}
