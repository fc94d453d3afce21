package redoubt.assembly;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.ref.WeakReference;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import redoubt.base.Threads;
import redoubt.base.WorkerFactory;
import redoubt.block.IoStatus;
import redoubt.control.AttributeRefused;
import redoubt.control.Attributes;
import redoubt.control.ControlServer;
import redoubt.control.SocketAttributes;
import redoubt.kernfs.Errno;
import redoubt.kernfs.KernfsAttribute;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.KernfsOptions;
import redoubt.kernfs.KernfsTree;
import redoubt.kernfs.NodeRefused;
import redoubt.kernfs.OpenFile;
import redoubt.md.Array;
import redoubt.md.ArrayAttributes;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.imsm.ImsmFormat;
import redoubt.testkit.Asker;
import redoubt.testkit.Seed;
import redoubt.testkit.Waiting;
import redoubt.workqueue.Workqueues;
import redoubt.workqueue.WorkqueuesOptions;

/**
 * Goal: while arrays come and go, removal drains, nothing is used after it, and nothing is left behind: no node, no array, no descriptor, no
 * thread; and the members agree when all is over. Method: mirrors on files are assembled, started, shown in a tree, taken out of it and stopped,
 * again and again, while eight clients use the tree and its polls and eight the control socket, and two write data. Whoever still has a file open
 * of an array that is gone, or sends it a write, has to be refused. 10 seconds, or {@code -Dredoubt.hammer.seconds}.
 */
class ArraysUnderLoadTest {

    private static final int ARRAYS = 3;
    private static final int MEMBERS = 2;
    private static final int CLIENTS = 8;
    private static final int WRITERS = 2;
    private static final int DISK_BYTES = 16 << 20;
    private static final int WRITTEN_BYTES = 1 << 20;
    private static final int BLOCK = 4096;
    private static final long LIMIT = SECONDS.toNanos(30);
    private static final long PAUSE_NANOS = 200_000L;
    private static final long LIFE_NANOS = 60_000_000L;
    private static final String[] READ = {
        "md/array_state", "md/degraded", "md/dev-a/state", "md/dev-b/slot", "md/rd0/state", "md/safe_mode_delay", "size"
    };

    /** What a client may be told when an array goes while it asks. */
    private static final Set<Errno> GONE = EnumSet.of(Errno.ENOENT, Errno.ENODEV);

    /** And what one that stores may be told besides. */
    private static final Set<Errno> BUSY = EnumSet.of(Errno.EBUSY, Errno.EINVAL);

    private enum Kind {
        COME,
        GO,
        TREE,
        POLL,
        AFTER,
        SOCKET,
        WRITE
    }

    @TempDir
    Path directory;

    private final long seed = Seed.next();
    private final Queue<Throwable> faults = new ConcurrentLinkedQueue<>();
    private final Queue<WeakReference<Object>> made = new ConcurrentLinkedQueue<>();
    private final AtomicReferenceArray<@Nullable Life> arrays = new AtomicReferenceArray<>(ARRAYS);
    private final Map<Kind, AtomicLong> done = new EnumMap<>(Kind.class); // filled before the clients start
    private final List<List<Disk>> disks = new ArrayList<>();
    private int runs;

    /** An array from its assembly to its end. */
    private static final class Life {
        private final AssembledContainer container;
        private final Array array;
        private final ArrayAttributes attributes;
        private volatile boolean dead; // its nodes are removed
        private volatile boolean stopped;

        Life(String name, AssembledContainer container) {
            this.container = container;
            array = container.volumes().getFirst().array();
            attributes = new ArrayAttributes(
                    name,
                    array,
                    new ArrayAttributes.Facts(
                            "imsm",
                            "",
                            0,
                            0,
                            List.of(
                                    new ArrayAttributes.MemberFacts("a", "a", "A"),
                                    new ArrayAttributes.MemberFacts("b", "b", "B"))),
                    () -> false);
        }

        KernfsDirectory directory() {
            return attributes.directory();
        }
    }

    private interface Client {
        void once(SplittableRandom random) throws Exception;
    }

    @Test
    @Tag("slow")
    void realArraysComeAndGoUnderSixteenClients() throws Exception {
        hammer(Long.getLong("redoubt.hammer.seconds", 10));
    }

    @Test
    @Tag("soak")
    @Timeout(900)
    void realArraysComeAndGoUnderSixteenClientsForTenMinutes() throws Exception {
        hammer(600);
    }

    private void hammer(long seconds) throws Exception {
        create();
        run(2); // loads what will be needed
        long descriptors = descriptors();
        Set<Thread> threads = threads();
        run(seconds);
        Waiting.until("no thread is left", () -> threads.containsAll(threads()));
        Waiting.until("no descriptor is left", () -> descriptors() <= descriptors);
        Waiting.until("no array and no node is left", () -> {
            System.gc();
            return made.stream().allMatch(one -> one.refersTo(null));
        });
        for (List<Disk> members : disks) {
            assertThat(Files.mismatch(
                            Path.of(members.get(0).location()),
                            Path.of(members.get(1).location())))
                    .as("where the members of %s differ, seed %d", members, seed)
                    .isEqualTo(-1);
        }
    }

    private void create() throws Exception {
        try (Rig rig = new Rig()) {
            for (int at = 0; at < ARRAYS; at++) {
                List<Disk> members = new ArrayList<>();
                for (int member = 0; member < MEMBERS; member++) {
                    Path path = directory.resolve("disk" + at + "-" + member);
                    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
                        file.setLength(DISK_BYTES);
                    }
                    members.add(new Disk(path.toString(), Optional.of("SER-" + at + "-" + member)));
                }
                Creation.Wish wish = new Creation.Wish(
                        "v",
                        RaidLevel.RAID1,
                        OptionalInt.empty(),
                        OptionalLong.empty(),
                        members.stream().map(Optional::of).toList(),
                        List.of(),
                        false,
                        false);
                try (Creation creation = Creation.open(
                        wish, new ImsmFormat(), new FileDisks(rig.heartbeat), LIMIT, new Random(at), 1_700_000_000L)) {
                    creation.write(bytes -> {});
                }
                disks.add(members);
            }
        }
    }

    private void run(long seconds) throws Exception {
        for (Kind kind : Kind.values()) {
            done.put(kind, new AtomicLong());
        }
        SplittableRandom seeds = new SplittableRandom(seed + runs++);
        Path socket = directory.resolve("s" + runs + ".sock");
        try (Rig rig = new Rig();
                Workqueues queues =
                        new Workqueues(rig.heartbeat, WorkerFactory.threads(), WorkqueuesOptions.of(2, report -> {}))) {
            KernfsTree tree = new KernfsTree(KernfsOptions.onOwnQueue(queues));
            AtomicBoolean over = new AtomicBoolean();
            List<Thread> running = new ArrayList<>();
            try (ControlServer server = ControlServer.start(tree.root(), socket, WorkerFactory.threads())) {
                for (int i = 0; i < ARRAYS; i++) {
                    int at = i;
                    start(running, over, seeds, "comes", random -> comeAndGo(rig, tree, at, random));
                }
                for (int i = 0; i < CLIENTS; i++) {
                    boolean polls = i % 2 == 0;
                    start(running, over, seeds, polls ? "polls" : "uses", random -> {
                        if (polls) {
                            poll(random);
                        } else {
                            use(tree.root(), random);
                        }
                    });
                    start(running, over, seeds, "talks", random -> talk(socket, random));
                }
                for (int i = 0; i < WRITERS; i++) {
                    int writer = i;
                    start(running, over, seeds, "writes", random -> write(writer, random));
                }
                long start = System.nanoTime();
                while (System.nanoTime() - start < SECONDS.toNanos(seconds) && faults.isEmpty()) {
                    LockSupport.parkNanos(50_000_000);
                }
                over.set(true);
                for (Thread thread : running) {
                    thread.join(60_000);
                    assertThat(thread.isAlive())
                            .as("%s stands still: %s", thread.getName(), List.of(thread.getStackTrace()))
                            .isFalse();
                }
                assertThat(server.faults()).isZero();
            }
            assertThat(faults).as("seed %d", seed).isEmpty();
            assertThat(rig.complaints).as("seed %d", seed).isEmpty();
            assertThat(tree.faults()).isZero();
            assertThat(tree.root().children()).isEmpty();
            for (Kind kind : runs == 1 ? new Kind[0] : Kind.values()) {
                assertThat(Objects.requireNonNull(done.get(kind)).get())
                        .as("%s", kind)
                        .isPositive();
            }
        }
    }

    private void did(Kind kind) {
        Objects.requireNonNull(done.get(kind)).incrementAndGet();
    }

    private void start(List<Thread> running, AtomicBoolean over, SplittableRandom seeds, String name, Client client) {
        SplittableRandom random = seeds.split();
        running.add(Threads.start("hammer-" + name, () -> {
            while (!over.get() && faults.isEmpty()) {
                try {
                    client.once(random);
                    LockSupport.parkNanos(PAUSE_NANOS); // there are few processors, and arrays have to come and go
                } catch (NodeRefused refused) {
                    expect(GONE.contains(refused.errno()), refused);
                } catch (AttributeRefused refused) {
                    expect(GONE.contains(refused.errno()) || BUSY.contains(refused.errno()), refused);
                } catch (Exception | Error fault) {
                    faults.add(fault);
                }
            }
        }));
    }

    private void expect(boolean expected, Throwable otherwise) {
        if (!expected) {
            faults.add(otherwise);
        }
    }

    private void expect(boolean expected, String otherwise) {
        if (!expected) {
            faults.add(new AssertionError(otherwise + ", seed " + seed));
        }
    }

    /** One life: it comes, is used for a while, and goes, its nodes before the array or after it. */
    private void comeAndGo(Rig rig, KernfsTree tree, int at, SplittableRandom random) throws Exception {
        try (AssembledContainer container = rig.assembly.assemble(
                disks.get(at),
                Access.WRITE,
                AssemblyOptions.WRITABLE.withSafeModeDelayNanos(10_000_000),
                rig.memory,
                rig.complaints::add)) {
            Life life = new Life("md" + at, container);
            made.add(new WeakReference<>(life.directory()));
            made.add(new WeakReference<>(life.array));
            container.start(LIMIT);
            tree.root().add(life.directory());
            arrays.set(at, life);
            did(Kind.COME);
            LockSupport.parkNanos(random.nextLong(LIFE_NANOS));
            boolean stopsFirst = random.nextBoolean();
            if (stopsFirst) {
                stop(life);
            }
            expect(life.directory().remove(LIMIT), "removal does not end");
            life.attributes.forget();
            life.dead = true;
            if (!stopsFirst) {
                stop(life);
            }
            if (random.nextBoolean()) {
                LockSupport.parkNanos(random.nextLong(LIFE_NANOS)); // clients meet one that is gone
            }
            arrays.set(at, null);
            did(Kind.GO);
        }
    }

    private void stop(Life life) {
        expect(life.container.stop(LIMIT), "an array is not stopped in good order");
        life.stopped = true;
    }

    private void use(KernfsDirectory root, SplittableRandom random) throws NodeRefused {
        String array = "md" + random.nextInt(ARRAYS) + "/";
        switch (random.nextInt(4)) {
            case 0 -> root.children().forEach(node -> assertThat(node.name()).startsWith("md"));
            case 1 -> assertThat(root.link(array + "md/rd1").readlink()).isEqualTo("dev-b");
            case 2 -> {
                KernfsAttribute attribute = root.attribute(array + READ[random.nextInt(READ.length)]);
                try (OpenFile file = attribute.open(redoubt.kernfs.Access.READ)) {
                    expectAnswer(file.read(0, ByteBuffer.allocate(64)), file, GONE);
                }
            }
            default -> {
                String path = random.nextBoolean() ? "md/array_state" : "md/safe_mode_delay";
                try (OpenFile file = root.attribute(array + path).open(redoubt.kernfs.Access.WRITE)) {
                    String value = path.endsWith("delay") ? "0.0" + random.nextInt(1, 9) : state(random);
                    Set<Errno> may = EnumSet.copyOf(GONE);
                    may.addAll(BUSY);
                    expectAnswer(file.write(ByteBuffer.wrap(value.getBytes(StandardCharsets.US_ASCII))), file, may);
                }
            }
        }
        did(Kind.TREE);
    }

    private static String state(SplittableRandom random) {
        return List.of("active", "clean", "readonly", "read-auto").get(random.nextInt(4));
    }

    private void expectAnswer(int taken, OpenFile file, Set<Errno> refusals) {
        if (taken == OpenFile.REFUSED) {
            expect(
                    refusals.contains(file.refusal().errno()),
                    new NodeRefused(file.refusal().errno(), file.refusal().toString()));
        }
    }

    /** Reads and waits until the array is gone; what is still open then answers nothing but that. */
    private void poll(SplittableRandom random) throws NodeRefused {
        Life life = arrays.get(random.nextInt(ARRAYS));
        if (life == null || life.dead) {
            return;
        }
        KernfsAttribute state = life.directory().attribute(random.nextBoolean() ? "md/array_state" : "md/dev-a/state");
        try (OpenFile file = state.open(redoubt.kernfs.Access.READ_WRITE)) {
            ByteBuffer target = ByteBuffer.allocate(64);
            while (true) {
                boolean gone = life.dead;
                target.clear();
                boolean refused = file.read(0, target) == OpenFile.REFUSED;
                if (gone) {
                    expect(refused, "a node was shown after its removal");
                    expect(file.write(ByteBuffer.wrap(new byte[] {'x'})) == OpenFile.REFUSED, "a store after removal");
                    expect((file.poll() & OpenFile.POLL_PRI) != 0, "who polls is not told of a removal");
                    expect(
                            file.refusal().errno() == Errno.ENODEV,
                            "after its removal a node answers " + file.refusal());
                    did(Kind.AFTER);
                    return;
                }
                expect(!refused || file.refusal().errno() == Errno.ENODEV, "a read is refused: " + file.refusal());
                if (refused) {
                    LockSupport.parkNanos(PAUSE_NANOS); // it is being removed
                } else {
                    file.awaitChange(2_000_000);
                }
                did(Kind.POLL);
            }
        }
    }

    private void talk(Path socket, SplittableRandom random) throws IOException, AttributeRefused {
        try (Attributes attributes = SocketAttributes.connect(socket, LIMIT)) {
            String array = "md" + random.nextInt(ARRAYS) + "/";
            attributes.watch(array + "md/array_state");
            for (int i = 0; i < 20; i++) {
                switch (random.nextInt(5)) {
                    case 0 -> attributes.read(array + READ[random.nextInt(READ.length)]);
                    case 1 -> attributes.write(array + "md/array_state", state(random) + "\n");
                    case 2 -> attributes.list("");
                    case 3 -> attributes.readlink(array + "md/rd0");
                    default -> attributes.awaitChange(1_000_000);
                }
                did(Kind.SOCKET);
            }
        }
    }

    /** Each writer has blocks of its own. One that comes when the array is stopped is answered that it is gone. */
    private void write(int writer, SplittableRandom random) {
        Life life = arrays.get(random.nextInt(ARRAYS));
        if (life == null) {
            return;
        }
        try (Asker asker = new Asker(life.array)) {
            for (int i = 0; i < 10; i++) {
                boolean gone = life.stopped;
                long at = random.nextLong(WRITTEN_BYTES / BLOCK / WRITERS) * WRITERS * BLOCK + (long) writer * BLOCK;
                byte[] content = new byte[BLOCK];
                Arrays.fill(content, (byte) random.nextInt());
                IoStatus how = asker.write(at, content);
                expect(
                        how == IoStatus.OK || how == IoStatus.GONE || how == IoStatus.READ_ONLY,
                        "a write is answered " + how);
                expect(!gone || how == IoStatus.GONE, "a write after the end is answered " + how);
                if (how == IoStatus.GONE) {
                    return;
                }
                did(Kind.WRITE);
            }
        }
    }

    private static long descriptors() {
        try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
            return open.count();
        } catch (IOException elsewhere) {
            return 0;
        }
    }

    private static Set<Thread> threads() {
        return Set.copyOf(Thread.getAllStackTraces().keySet());
    }
}
