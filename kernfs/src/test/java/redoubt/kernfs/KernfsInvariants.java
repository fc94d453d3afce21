package redoubt.kernfs;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import redoubt.base.ThreadHeartbeat;
import redoubt.base.Threads;
import redoubt.base.WorkerFactory;
import redoubt.workqueue.Workqueues;
import redoubt.workqueue.WorkqueuesOptions;

/**
 * What must hold of any tree, each in one method that throws if it does not. {@link KernfsInvariantsTest} calls them on the tree as it is, and
 * {@link PlantedMutantsTest} on trees with one thing wrong, where they have to throw. None waits for a time to pass: whether a thread
 * waits is seen in its state.
 */
public final class KernfsInvariants {

    private KernfsInvariants() {}

    /** 1: no operation of a node runs after its removal has returned, and removal does not return while one runs. */
    public static void inv1RemovalDrains() throws Exception {
        KernfsDirectory root = KernfsDirectory.root();
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch letGo = new CountDownLatch(1);
        KernfsAttribute knob = KernfsAttribute.writeOnly("knob", value -> {
            inside.countDown();
            await(letGo);
            return Outcome.OK;
        });
        root.add(new KernfsDirectory("md0", knob));
        OpenFile first = knob.open(Access.WRITE);
        OpenFile second = knob.open(Access.WRITE);
        Thread storing = Threads.start("storing", () -> first.write(bytes("1")));
        await(inside);
        Thread removing =
                Threads.start("removing", () -> root.children().getFirst().remove());
        try {
            assertThat(waits(removing))
                    .as("removal returned while a store was running")
                    .isTrue();
            assertThat(second.write(bytes("2"))).isEqualTo(OpenFile.REFUSED);
            assertThat(second.refusal().errno()).isEqualTo(Errno.ENODEV);
            assertThat(knob.state()).isEqualTo(NodeState.REMOVING);
        } finally {
            letGo.countDown();
        }
        join(removing);
        join(storing);
        assertThat(knob.state()).isEqualTo(NodeState.UNLINKED);
        assertThat(first.write(bytes("3"))).isEqualTo(OpenFile.REFUSED);
    }

    /** 2: who notifies waits for nobody who holds the tree. */
    public static void inv2NotifyTakesNoTreeLock() throws Exception {
        KernfsTree tree = new KernfsTree(KernfsOptions.pollersOnly());
        KernfsAttribute state = value("state");
        tree.root().add(state);
        OpenFile file = state.open(Access.READ);
        file.read(0, ByteBuffer.allocate(16));
        tree.lock();
        Thread notifying = Threads.start("notifying", state::notifyChange);
        try {
            assertThat(waits(notifying)).as("a notifier waits for the tree").isFalse();
            assertThat(fires(file)).isTrue();
        } finally {
            tree.unlock();
        }
        join(notifying);
    }

    /** 3: a node is on the list once at most, wherever it is on it, and can be put on it again when it was taken off. */
    public static void inv3ANodeIsOnTheListOnceAtMost() {
        NotifyList list = new NotifyList();
        KernfsNode[] nodes = {value("a"), value("b"), value("c")};
        for (int round = 0; round < 3; round++) {
            for (KernfsNode node : nodes) {
                assertThat(list.push(node)).isTrue();
                for (KernfsNode other : nodes) {
                    if (other.link != null || other == node) {
                        assertThat(list.push(other))
                                .as("'%s' was put on the list twice", other)
                                .isFalse();
                    }
                }
            }
            StringBuilder order = new StringBuilder();
            KernfsNode next = list.takeAll();
            for (int i = 0; i < nodes.length; i++) {
                order.append(next.name());
                next = NotifyList.release(next);
            }
            assertThat(next).isSameAs(NotifyList.END);
            assertThat(order).as("newest first").hasToString("cba");
        }
    }

    /** 4: nobody is told of anything when it has unmounted. */
    public static void inv4UnmountingWaitsForWhoIsTold() throws Exception {
        try (ThreadHeartbeat heartbeat = new ThreadHeartbeat(2_000_000);
                Workqueues queues =
                        new Workqueues(heartbeat, WorkerFactory.threads(), WorkqueuesOptions.of(1, report -> {}))) {
            KernfsTree tree = new KernfsTree(KernfsOptions.onOwnQueue(queues));
            KernfsAttribute state = value("state");
            tree.root().add(state);
            CountDownLatch inside = new CountDownLatch(1);
            CountDownLatch letGo = new CountDownLatch(1);
            KernfsMount mount = tree.mount((attribute, parent, name) -> {
                inside.countDown();
                await(letGo);
            });
            state.notifyChange();
            await(inside);
            Thread unmounting = Threads.start("unmounting", mount::close);
            try {
                assertThat(waits(unmounting)).as("unmounted while being told").isTrue();
            } finally {
                letGo.countDown();
            }
            join(unmounting);
        }
    }

    /** 5: the events are noted before the show, so that a change during the show is not lost. */
    public static void inv5EventsAreNotedBeforeTheShow() throws Exception {
        KernfsAttribute[] self = new KernfsAttribute[1];
        KernfsAttribute restless = KernfsAttribute.readOnly("restless", out -> {
            self[0].notifyChange();
            return out.append("old").line();
        });
        self[0] = restless;
        KernfsDirectory.root().add(restless);
        OpenFile file = restless.open(Access.READ);
        file.read(0, ByteBuffer.allocate(16));
        assertThat(fires(file)).as("a change during the show was lost").isTrue();
    }

    /** 7: pollers are woken by who notifies, also while somebody holds the supers lock and subscribers wait for it. */
    public static void inv7AHeldSupersLockStallsSubscribersOnly() throws Exception {
        try (ThreadHeartbeat heartbeat = new ThreadHeartbeat(2_000_000);
                Workqueues queues =
                        new Workqueues(heartbeat, WorkerFactory.threads(), WorkqueuesOptions.of(1, report -> {}))) {
            KernfsOptions options = KernfsOptions.onOwnQueue(queues);
            KernfsTree tree = new KernfsTree(options);
            KernfsAttribute state = value("state");
            tree.root().add(state);
            AtomicInteger told = new AtomicInteger();
            tree.mount((attribute, parent, name) -> told.incrementAndGet());
            CountDownLatch holding = new CountDownLatch(1);
            CountDownLatch letGo = new CountDownLatch(1);
            Thread mounting = Threads.start(
                    "mounting",
                    () -> tree.mount(new Told() {
                        @Override
                        public void mounted() {
                            holding.countDown();
                            await(letGo);
                        }
                    }));
            try {
                await(holding);
                OpenFile file = state.open(Access.READ);
                file.read(0, ByteBuffer.allocate(16));
                AtomicInteger woken = new AtomicInteger();
                file.watch(changed -> woken.incrementAndGet());
                state.notifyChange();
                assertThat(woken.get()).as("pollers woken by the notifier").isEqualTo(1);
                assertThat(fires(file)).isTrue();
                while (told.get() == 0 && !somebodyWaitsForASupersLock()) {
                    Thread.onSpinWait();
                }
                assertThat(told.get())
                        .as("told while the lock was held for writing")
                        .isZero();
            } finally {
                letGo.countDown();
            }
            join(mounting);
            assertThat(options.notifyQueue().flush(TimeUnit.SECONDS.toNanos(30)))
                    .isTrue();
            assertThat(told.get()).isEqualTo(1);
        }
    }

    /** Whether the thread comes to wait for somebody, rather than to its end. */
    private static boolean waits(Thread thread) {
        while (thread.isAlive()) {
            if (LockSupport.getBlocker(thread) != null) {
                return true;
            }
            Thread.onSpinWait();
        }
        return false;
    }

    /** Whether some thread waits for a supers lock; nobody else uses one meanwhile. */
    private static boolean somebodyWaitsForASupersLock() {
        return Thread.getAllStackTraces().keySet().stream()
                .anyMatch(thread -> LockSupport.getBlocker(thread) instanceof SupersLock);
    }

    static KernfsAttribute value(String name) {
        return KernfsAttribute.readWrite(name, out -> out.append(name).line(), stored -> Outcome.OK)
                .preallocated();
    }

    static boolean fires(OpenFile file) {
        return (file.poll() & OpenFile.POLL_PRI) != 0;
    }

    static ByteBuffer bytes(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    }

    static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException interrupted) {
            throw new AssertionError(interrupted);
        }
    }

    static void join(Thread thread) throws InterruptedException {
        thread.join(60_000);
        assertThat(thread.isAlive()).as(thread.getName() + " does not end").isFalse();
    }
}
