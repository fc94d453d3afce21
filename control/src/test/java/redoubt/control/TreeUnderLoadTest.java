package redoubt.control;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.ref.WeakReference;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import redoubt.base.ThreadHeartbeat;
import redoubt.base.Threads;
import redoubt.base.WorkerFactory;
import redoubt.kernfs.Access;
import redoubt.kernfs.Errno;
import redoubt.kernfs.KernfsAttribute;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.KernfsLink;
import redoubt.kernfs.KernfsMount;
import redoubt.kernfs.KernfsOptions;
import redoubt.kernfs.KernfsTree;
import redoubt.kernfs.NodeRefused;
import redoubt.kernfs.OpenFile;
import redoubt.kernfs.Outcome;
import redoubt.workqueue.Report;
import redoubt.workqueue.Workqueues;
import redoubt.workqueue.WorkqueuesOptions;

/**
 * Goal: removal drains, nothing is used after it, and nothing is left behind: no node, no descriptor, no thread. Method: arrays come, are
 * renamed, hidden and go, while eight clients use the tree and its polls, eight the socket, some notify, and one mounts and unmounts. Every
 * show and store looks whether its array was removed before. The arrays are playthings, so that thousands come and go in 15 seconds, or
 * {@code -Dredoubt.hammer.seconds}; real ones are hammered in the room {@code assembly}.
 */
class TreeUnderLoadTest {

    private static final int ARRAYS = 6;
    private static final int CLIENTS = 8;
    private static final long LIMIT = SECONDS.toNanos(30);

    /** What a client may be told when an array goes while it asks. */
    private static final Set<Errno> GONE = EnumSet.of(Errno.ENOENT, Errno.ENODEV);

    @TempDir
    Path directory;

    private final long seed = Long.getLong("redoubt.seed", System.nanoTime());
    private final AtomicInteger runs = new AtomicInteger();
    private final Queue<Throwable> faults = new ConcurrentLinkedQueue<>();
    private final AtomicInteger usedAfterRemoval = new AtomicInteger();
    private final Queue<WeakReference<KernfsDirectory>> made = new ConcurrentLinkedQueue<>();
    private final AtomicReferenceArray<@Nullable Plaything> arrays = new AtomicReferenceArray<>(ARRAYS);
    private final Map<Kind, AtomicLong> done = new EnumMap<>(Kind.class); // filled before the clients start

    private enum Kind {
        COME_AND_GO,
        NOTIFY,
        TREE,
        POLL,
        SOCKET,
        MOUNT,
        TOLD
    }

    /** An array that knows when it was removed. */
    private final class Plaything {
        private final AtomicLong value = new AtomicLong();
        private volatile boolean dead;
        private final KernfsAttribute state = KernfsAttribute.readWrite(
                        "array_state",
                        out -> {
                            use();
                            return out.append(value.get()).line();
                        },
                        stored -> {
                            use();
                            value.incrementAndGet();
                            use();
                            return Outcome.OK;
                        })
                .preallocated();
        private final KernfsDirectory directory;

        Plaything(String name) {
            KernfsDirectory device = new KernfsDirectory("dev-sda", KernfsAttribute.readOnly("slot", out -> {
                use();
                return out.append(0).line();
            }));
            directory = new KernfsDirectory(name, state, device, new KernfsLink("rd0", device));
        }

        void use() {
            if (dead) {
                usedAfterRemoval.incrementAndGet();
            }
        }
    }

    private interface Client {
        void once(SplittableRandom random) throws Exception;
    }

    @Test
    @Tag("slow")
    void arraysComeAndGoUnderSixteenClients() throws Exception {
        hammer(Long.getLong("redoubt.hammer.seconds", 15));
    }

    @Test
    @Tag("soak")
    @Timeout(900)
    void arraysComeAndGoUnderSixteenClientsForTenMinutes() throws Exception {
        hammer(600);
    }

    private void hammer(long seconds) throws Exception {
        run(1); // loads what will be needed
        long descriptors = descriptors();
        Set<Thread> threads = threads();
        run(seconds);
        awaitThat("threads are left", () -> threads.containsAll(threads()));
        awaitThat("descriptors are left", () -> descriptors() <= descriptors);
        awaitThat("nodes are left", () -> {
            System.gc();
            return made.stream().allMatch(one -> one.refersTo(null));
        });
    }

    private void run(long seconds) throws Exception {
        for (Kind kind : Kind.values()) {
            done.put(kind, new AtomicLong());
        }
        SplittableRandom seeds = new SplittableRandom(seed + runs.incrementAndGet());
        Path socket = directory.resolve("s" + runs.get() + ".sock");
        try (ThreadHeartbeat heartbeat = new ThreadHeartbeat(5_000_000);
                Workqueues queues =
                        new Workqueues(heartbeat, WorkerFactory.threads(), WorkqueuesOptions.of(2, this::reported))) {
            KernfsTree tree = new KernfsTree(KernfsOptions.onOwnQueue(queues));
            AtomicBoolean over = new AtomicBoolean();
            List<Thread> running = new ArrayList<>();
            try (ControlServer server = ControlServer.start(tree.root(), socket, WorkerFactory.threads())) {
                for (int i = 0; i < ARRAYS; i += 3) {
                    int first = i;
                    start(running, over, seeds, Kind.COME_AND_GO, random -> comeAndGo(tree, first, random));
                }
                start(running, over, seeds, Kind.NOTIFY, this::notifySomebody);
                start(running, over, seeds, Kind.NOTIFY, this::notifySomebody);
                start(running, over, seeds, Kind.MOUNT, random -> mount(tree));
                for (int i = 0; i < CLIENTS; i++) {
                    boolean polls = i % 2 == 0;
                    start(running, over, seeds, polls ? Kind.POLL : Kind.TREE, random -> {
                        if (polls) {
                            poll(random);
                        } else {
                            use(tree.root(), random);
                        }
                    });
                    start(running, over, seeds, Kind.SOCKET, random -> talk(socket, random));
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
            for (int i = 0; i < ARRAYS; i++) {
                remove(i);
            }
            assertThat(faults).as("seed %d", seed).isEmpty();
            assertThat(tree.faults()).isZero();
            assertThat(usedAfterRemoval.get()).as("seed %d", seed).isZero();
            assertThat(tree.root().children()).isEmpty();
            for (Kind kind : Kind.values()) {
                assertThat(count(kind).get()).as("%s", kind).isPositive();
            }
        }
    }

    /** What takes long on a busy machine is no fault. */
    private void reported(Report report) {
        expect(
                !(report instanceof Report.ItemThrew || report instanceof Report.UndeclaredWait),
                new AssertionError(report));
    }

    private AtomicLong count(Kind kind) {
        return Objects.requireNonNull(done.get(kind));
    }

    private void start(List<Thread> running, AtomicBoolean over, SplittableRandom seeds, Kind kind, Client client) {
        SplittableRandom random = seeds.split();
        running.add(Threads.start("hammer-" + kind, () -> {
            while (!over.get() && faults.isEmpty()) {
                try {
                    client.once(random);
                    count(kind).incrementAndGet();
                } catch (NodeRefused refused) {
                    expect(GONE.contains(refused.errno()), refused);
                } catch (AttributeRefused refused) {
                    expect(GONE.contains(refused.errno()), refused);
                } catch (Exception | Error fault) {
                    faults.add(fault);
                }
            }
        }));
    }

    private void expect(boolean expected, Throwable refused) {
        if (!expected) {
            faults.add(refused);
        }
    }

    private void comeAndGo(KernfsTree tree, int first, SplittableRandom random) throws NodeRefused {
        int at = first + random.nextInt(3);
        Plaything present = arrays.get(at);
        if (present == null) {
            Plaything plaything = new Plaything("md" + at);
            if (random.nextInt(16) == 0) {
                made.add(new WeakReference<>(plaything.directory));
            }
            tree.root().add(plaything.directory);
            arrays.set(at, plaything);
        } else {
            switch (random.nextInt(4)) {
                case 0 -> present.directory.rename(tree.root(), "md" + at + (random.nextBoolean() ? "" : "_x"));
                case 1 -> {
                    expect(present.state.hide(LIMIT), new AssertionError("hiding does not end"));
                    present.state.reveal();
                }
                default -> remove(at);
            }
        }
    }

    private void remove(int at) {
        Plaything plaything = arrays.getAndSet(at, null);
        if (plaything != null) {
            expect(plaything.directory.remove(LIMIT), new AssertionError("removal does not end"));
            plaything.dead = true;
        }
    }

    private void notifySomebody(SplittableRandom random) {
        Plaything plaything = arrays.get(random.nextInt(ARRAYS));
        if (plaything != null) {
            plaything.value.incrementAndGet();
            plaything.state.notifyChange();
        }
    }

    private void mount(KernfsTree tree) {
        try (KernfsMount mount =
                tree.mount((attribute, parent, name) -> count(Kind.TOLD).incrementAndGet())) {
            assertThat(mount).isNotNull();
            LockSupport.parkNanos(1_000_000);
        }
    }

    private static void use(KernfsDirectory root, SplittableRandom random) throws NodeRefused {
        String array = "md" + random.nextInt(ARRAYS);
        switch (random.nextInt(4)) {
            case 0 -> root.children().forEach(node -> assertThat(node.name()).startsWith("md"));
            case 1 -> assertThat(root.link(array + "/rd0").readlink()).isEqualTo("dev-sda");
            case 2 -> readOnce(root.attribute(array + "/rd0/slot"));
            default -> {
                try (OpenFile file = root.attribute(array + "/array_state").open(Access.WRITE)) {
                    if (file.write(ByteBuffer.wrap(new byte[] {'1'})) == OpenFile.REFUSED) {
                        throw new NodeRefused(file.refusal().errno(), "refused");
                    }
                }
            }
        }
    }

    private static void readOnce(KernfsAttribute attribute) throws NodeRefused {
        try (OpenFile file = attribute.open(Access.READ)) {
            if (file.read(0, ByteBuffer.allocate(64)) == OpenFile.REFUSED) {
                throw new NodeRefused(file.refusal().errno(), "refused");
            }
        }
    }

    /** Reads, waits, reads: what it reads after a poll that fired is never older than what it read before. */
    private void poll(SplittableRandom random) throws NodeRefused {
        Plaything plaything = arrays.get(random.nextInt(ARRAYS));
        if (plaything == null) {
            return;
        }
        try (OpenFile file = plaything.state.open(Access.READ)) {
            ByteBuffer target = ByteBuffer.allocate(64);
            long last = -1;
            for (int i = 0; i < 10; i++) {
                target.clear();
                if (file.read(0, target) == OpenFile.REFUSED) {
                    throw new NodeRefused(file.refusal().errno(), "refused");
                }
                long now = Long.parseLong(new String(
                        target.array(), 0, target.position() - 1, java.nio.charset.StandardCharsets.US_ASCII));
                expect(now >= last, new AssertionError(now + " after " + last));
                last = now;
                if (!file.awaitChange(2_000_000)) {
                    return;
                }
            }
        }
    }

    /** Whatever it is told is whole, and of an array that can be there. */
    private void talk(Path socket, SplittableRandom random) throws IOException, AttributeRefused {
        try (Attributes attributes = SocketAttributes.connect(socket, LIMIT)) {
            String array = "md" + random.nextInt(ARRAYS);
            attributes.watch(array + "/array_state");
            for (int i = 0; i < 20; i++) {
                switch (random.nextInt(4)) {
                    case 0 -> {
                        String value = attributes.read(array + "/array_state");
                        expect(value.matches("[0-9]+\n"), new AssertionError("read <" + value + ">"));
                    }
                    case 1 -> attributes.write(array + "/array_state", "1\n");
                    case 2 -> {
                        List<Attributes.Entry> listed = attributes.list("");
                        expect(
                                listed.stream().allMatch(entry -> entry.name().matches("md[0-5](_x)?")),
                                new AssertionError("listed " + listed));
                    }
                    default -> attributes.awaitChange(1_000_000);
                }
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

    private interface Condition {
        boolean holds();
    }

    private static void awaitThat(String otherwise, Condition condition) {
        long start = System.nanoTime();
        while (!condition.holds()) {
            assertThat(System.nanoTime() - start).as(otherwise).isLessThan(LIMIT);
            LockSupport.parkNanos(20_000_000);
        }
    }
}
