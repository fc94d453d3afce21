package redoubt.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import redoubt.testkit.ReclaimProof;

/**
 * No request allocates, links, locks or throws anything new on its way, whatever class it meets: over the class files of every room that a request
 * can pass through. What is taken on trust stands here, each with its reason; what is trusted in vain fails.
 */
class ReclaimSafeTest {

    /** One class of each room that is in the world. */
    private static final List<Class<?>> ROOMS = List.of(
            redoubt.base.Bug.class,
            redoubt.block.IoRequest.class,
            redoubt.workqueue.Workqueue.class,
            redoubt.kernfs.KernfsTree.class,
            redoubt.metadata.imsm.ImsmFormat.class,
            redoubt.md.Array.class,
            redoubt.personality.Parity.class,
            redoubt.keeper.NativeKeeper.class,
            redoubt.nbd.NbdServer.class,
            redoubt.fuse.FuseMount.class);

    private static final String ATOMIC = "compares and sets a field";
    private static final String VIEW =
            "moves the marks of a buffer, or a few bytes: measured, 0 bytes in the interpreter too";
    private static final String CALL =
            "a system call on direct memory: measured, 0 bytes in the interpreter too; an exception only where the call fails";
    private static final String RESERVED = "has room for all joints of its queue from the start";

    private static Map<String, String> leaves() {
        Map<String, String> leaves = new TreeMap<>();
        for (String type : List.of(
                "AtomicBoolean",
                "AtomicInteger",
                "AtomicIntegerFieldUpdater",
                "AtomicLong",
                "AtomicLongArray",
                "AtomicLongFieldUpdater",
                "AtomicReference",
                "AtomicReferenceArray",
                "AtomicReferenceFieldUpdater")) {
            leaves.put("java/util/concurrent/atomic/" + type + ".*", ATOMIC);
        }
        leaves.put("java/lang/invoke/VarHandle.*", ATOMIC);
        leaves.put("java/lang/Math.*", "arithmetic");
        leaves.put("java/lang/Long.bitCount", "counts bits");
        leaves.put("java/lang/Long.lowestOneBit", "counts bits");
        leaves.put("java/lang/Long.numberOfTrailingZeros", "counts bits");
        leaves.put("java/lang/Enum.ordinal", "reads a field");
        leaves.put("java/lang/System.arraycopy", "moves bytes");
        leaves.put("java/lang/System.identityHashCode", "a number in the object's header");
        leaves.put("java/lang/System.nanoTime", "reads the clock");
        leaves.put("java/lang/String.equals in redoubt/nbd/SendReserve.isShortage", "compares bytes");
        leaves.put("java/lang/Thread.currentThread", "reads a register");
        leaves.put("java/lang/Thread.threadId", "reads a field");
        leaves.put("java/lang/Thread.holdsLock", "looks at a word; asks nobody");
        leaves.put("java/lang/Thread.onSpinWait", "an instruction");
        leaves.put("java/lang/Thread.yield", "gives up the processor");
        leaves.put(
                "java/lang/ThreadLocal.get",
                "set for each worker when it was started; elsewhere its own initial value, once");
        leaves.put("java/lang/foreign/MemorySegment.*", "reads, writes and moves bytes of native memory");
        leaves.put("java/lang/invoke/MethodHandle.invokeExact", "a native call that was linked at start");
        leaves.put("java/nio/ByteBuffer.*", VIEW);
        leaves.put("java/nio/ByteOrder.nativeOrder", "reads a field");
        leaves.put("java/nio/channels/FileChannel.*", CALL);
        leaves.put("java/nio/channels/SelectionKey.interestOps", "notes what to wait for");
        leaves.put("java/nio/channels/Selector.*", CALL);
        leaves.put("java/nio/channels/SocketChannel.read", CALL);
        leaves.put("java/nio/channels/SocketChannel.write", CALL);
        leaves.put("java/nio/channels/SocketChannel.close in redoubt/nbd/Session.close", "the client has gone");
        leaves.put(
                "java/nio/channels/SocketChannel.register in redoubt/nbd/Session.keyWith",
                "once for a session and a thread");
        leaves.put("java/util/Arrays.fill", "writes an array");
        leaves.put("java/util/Objects.requireNonNull", "looks at a reference");
        leaves.put("java/util/OptionalInt.getAsInt", "reads a field");
        leaves.put("java/util/OptionalInt.isPresent", "reads a field");
        leaves.put("java/util/List.size in redoubt/keeper/ExternalKeeper.lost", "reads a field of an immutable list");
        leaves.put("java/util/List.get in redoubt/keeper/ExternalKeeper.lost", "reads a field of an immutable list");
        leaves.put(
                "java/util/List.get in redoubt/keeper/ExternalVolume.diskLost", "reads a field of an immutable list");
        leaves.put("java/util/List.isEmpty in redoubt/workqueue/WorkerPool.unlock", "reads a field");
        leaves.put("java/util/List.add in redoubt/workqueue/WorkerPool.defer", RESERVED);
        leaves.put(
                "java/util/Arrays.binarySearch in redoubt/personality/ZonedLayout.turn", "compares longs of an array");
        leaves.put("java/util/Deque.addLast", RESERVED);
        leaves.put("java/util/Deque.pollFirst", "takes from an array");
        leaves.put("java/util/Set.contains in redoubt/workqueue/WorkqueuePlan.has", "a set of enum constants: a bit");
        leaves.put("java/util/concurrent/CountDownLatch.countDown", "wakes who waits");
        leaves.put("java/util/concurrent/locks/LockSupport.parkNanos", "measured: 0 bytes");
        leaves.put("java/util/concurrent/locks/LockSupport.unpark", "measured: 0 bytes");
        leaves.put("java/io/IOException.getMessage", "reads a field of what was thrown already");
        leaves.put("java/lang/String.contains", "compares");
        leaves.put(
                "java/lang/Runnable.run in redoubt/workqueue/WorkItem.run",
                "an item is a step of its own, and begins a walk of its own");
        leaves.put(
                "java/lang/Runnable.run in redoubt/block/Lane.abandon",
                "nobody in the engine listens: a member learns it from the status of its requests");
        return leaves;
    }

    private static Map<String, String> boundaries() {
        return Map.of(
                "redoubt/nbd/Door.visit", "of another thread's kind: the handshakes', which serves nobody's requests",
                "redoubt/nbd/Loop.fault", "a bug is shown, the first time",
                "redoubt/block/Lane.fault", "a bug is shown, the first time",
                "redoubt/block/IoMemory.newView", "once for each memory of the process that a thread meets",
                "redoubt/keeper/MetadataReads.came", "a record, not a request: decision 0011",
                "redoubt/base/ThreadHeartbeat.unregister", "once, for a lane that is abandoned",
                "redoubt/workqueue/Workqueue.tellRefusal",
                        "a queue that is being drained: none that a running array has",
                "redoubt/workqueue/PoolWorkqueue.sendOn",
                        "a queue whose attributes were changed: none that an array has",
                "redoubt/workqueue/WorkerPool.releaseAndDoDeferred",
                        "a slot passes from one pool of a queue to another: the array's queue has one");
    }

    private static Map<String, String> news() {
        return Map.of(
                "java/lang/MatchException",
                "javac's end of a switch over an enum all of whose constants are there; the rooms are compiled together");
    }

    @Test
    void noRequestMeetsWhatReclaimCouldHoldUp() throws IOException, URISyntaxException {
        ReclaimProof proof = new ReclaimProof(classFiles(), new ReclaimProof.Trust(leaves(), boundaries(), news()));

        assertThat(proof.findings()).isEmpty();
        assertThat(proof.unused()).as("trusted, and never met").isEmpty();
        assertThat(proof.methods()).as("methods walked").isGreaterThan(400);
    }

    private static List<byte[]> classFiles() throws IOException, URISyntaxException {
        List<byte[]> files = new ArrayList<>();
        for (Class<?> room : ROOMS) {
            URL place = room.getProtectionDomain().getCodeSource().getLocation();
            Path path = Path.of(place.toURI());
            if (Files.isDirectory(path)) {
                read(path, files);
            } else {
                try (FileSystem jar = FileSystems.newFileSystem(URI.create("jar:" + place), Map.of())) {
                    read(jar.getPath("/"), files);
                }
            }
        }
        return files;
    }

    private static void read(Path folder, List<byte[]> files) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path file : (Iterable<Path>) all.filter(path -> path.toString().endsWith(".class"))::iterator) {
                if (!file.endsWith("module-info.class")) {
                    files.add(Files.readAllBytes(file));
                }
            }
        }
    }
}
