package redoubt.kernfs;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import redoubt.base.Threads;
import redoubt.workqueue.Report;
import redoubt.workqueue.WaitGraph;
import redoubt.workqueue.Waits;
import redoubt.workqueue.Workqueue;

/** What a mount is told, when, and what holds it up: the rules of fs events in Linux, fs/kernfs/file.c, and of the patch of 2023. */
class SubscriberTest {

    private static final int NOTIFIERS = 8;
    private static final int NODES = 4;
    private static final int CHANGES = 1_000_000;

    private final Starving house = new Starving();
    private final KernfsOptions options = KernfsOptions.onOwnQueue(house.queues);
    private final KernfsTree tree = new KernfsTree(options);
    private final KernfsAttribute state = KernfsInvariants.value("array_state");
    private final KernfsDirectory array = new KernfsDirectory("md0", state);
    private final Told told = new Told();

    private int expectedFaults;

    @AfterEach
    void close() {
        assertThat(tree.faults()).isEqualTo(expectedFaults);
        house.close();
    }

    private void settle() throws InterruptedException {
        settle(options);
    }

    private static void settle(KernfsOptions of) throws InterruptedException {
        Workqueue queue = of.notifyQueue();
        assertThat(queue != null && queue.flush(SECONDS.toNanos(60))).isTrue();
    }

    @Test
    void aSubscriberIsToldWhatChangedAndWhere() throws Exception {
        tree.root().add(array);
        try (KernfsMount mount = tree.mount(told)) {
            state.notifyChange();
            settle();
            assertThat(told.words).containsExactly("modify md0 array_state");
            array.rename(tree.root(), "md126");
            state.notifyChange();
            settle();
            assertThat(told.words).last().isEqualTo("modify md126 array_state");
            assertThat(mount).isNotNull();
        }
        state.notifyChange();
        settle();
        assertThat(told.words).hasSize(2);
    }

    @Test
    void whoHasNotMetANodeIsNotToldOfItAndWhoHasNotMetItsDirectoryNotOfThat() throws Exception {
        tree.root().add(array);
        KernfsAttribute stranger = KernfsInvariants.value("stranger");
        array.add(stranger);
        Told knowing = new Told() {
            @Override
            public boolean knows(KernfsNode node) {
                return node == state;
            }
        };
        tree.mount(knowing);
        stranger.notifyChange();
        state.notifyChange();
        settle();
        assertThat(knowing.words).containsExactly("modify - array_state");
    }

    /** 4: the node was taken from the list and is removed meanwhile. Nothing breaks, and who mounted learns that it is gone. */
    @Test
    void inv4ANodeThatIsRemovedWhileItIsToldOf() throws Exception {
        tree.root().add(array);
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch letGo = new CountDownLatch(1);
        tree.mount((attribute, parent, name) -> {
            inside.countDown();
            KernfsInvariants.await(letGo);
        });
        tree.mount(told);
        state.notifyChange();
        KernfsInvariants.await(inside);
        state.notifyChange(); // on the list again
        array.remove();
        letGo.countDown();
        settle();
        assertThat(state.state()).isEqualTo(NodeState.UNLINKED);
        assertThat(told.words).contains("removed md0").last().isNotEqualTo("modify md0 array_state");
        assertThat(told.words).filteredOn("removed array_state"::equals).hasSizeBetween(1, 2);
    }

    @Test
    void manyChangesAreOneUntilSomebodyIsTold() throws Exception {
        tree.root().add(array);
        CountDownLatch letGo = new CountDownLatch(1);
        CountDownLatch inside = new CountDownLatch(1);
        tree.mount(new Told() {
            @Override
            public void modified(KernfsAttribute attribute, @Nullable KernfsDirectory parent, String name) {
                if (told.times.incrementAndGet() == 1) {
                    inside.countDown();
                    KernfsInvariants.await(letGo);
                }
            }
        });
        state.notifyChange();
        KernfsInvariants.await(inside);
        for (int i = 0; i < 1000; i++) {
            state.notifyChange();
        }
        letGo.countDown();
        settle();
        assertThat(told.times.get()).isEqualTo(2);
    }

    @Test
    void aSubscriberThatThrowsCostsNobodyElse() throws Exception {
        tree.root().add(array);
        tree.mount((attribute, parent, name) -> {
            throw new IllegalStateException("says the test");
        });
        tree.mount(told);
        state.notifyChange();
        settle();
        assertThat(told.words).hasSize(1);
        assertThat(tree.faults()).isEqualTo(1);
        expectedFaults = 1;
    }

    @Test
    void whoIsToldCannotUnmount() throws Exception {
        tree.root().add(array);
        KernfsMount[] mount = new KernfsMount[1];
        List<Throwable> thrown = new ArrayList<>();
        mount[0] = tree.mount((attribute, parent, name) -> {
            try {
                mount[0].close();
            } catch (IllegalStateException refused) {
                thrown.add(refused);
            }
        });
        state.notifyChange();
        settle();
        assertThat(thrown).hasSize(1);
    }

    @Test
    void aTreeWithoutAQueueHasPollersAndNoSubscribers() throws Exception {
        KernfsTree plain = new KernfsTree(KernfsOptions.pollersOnly());
        plain.root().add(array);
        OpenFile file = state.open(Access.READ);
        file.read(0, ByteBuffer.allocate(64));
        state.notifyChange();
        assertThat(KernfsInvariants.fires(file)).isTrue();
        assertThatThrownBy(() -> plain.mount(told)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> KernfsOptions.pollersOnly().deferringPollWake())
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(plain.faults()).isZero();
    }

    /**
     * Falsifier of 3. Goal: no node's last event is lost, and none is on the list twice. Method: eight notifiers change four nodes a million
     * times each, under a slow subscriber; what it saw last must be the last, and each time it looks how long the list is.
     */
    @Test
    void inv3TheLastEventOfEveryNodeIsFollowedByATelling() throws Exception {
        AtomicLongArray values = new AtomicLongArray(NODES);
        AtomicLongArray seen = new AtomicLongArray(NODES);
        List<KernfsAttribute> nodes = new ArrayList<>();
        for (int i = 0; i < NODES; i++) {
            nodes.add(KernfsInvariants.value("n" + i));
            tree.root().add(nodes.get(i));
        }
        AtomicLong tellings = new AtomicLong();
        AtomicInteger longest = new AtomicInteger();
        tree.mount((attribute, parent, name) -> {
            longest.accumulateAndGet(tree.waitingToBeToldOf(NODES), Math::max);
            int node = name.charAt(1) - '0';
            seen.set(node, values.get(node));
            tellings.incrementAndGet();
            LockSupport.parkNanos(50_000);
        });
        List<Thread> notifiers = new ArrayList<>();
        for (int n = 0; n < NOTIFIERS; n++) {
            int first = n;
            notifiers.add(Threads.start("notifier", () -> {
                for (int i = 0; i < CHANGES; i++) {
                    int node = (first + i) % NODES;
                    values.incrementAndGet(node);
                    nodes.get(node).notifyChange();
                }
            }));
        }
        for (Thread notifier : notifiers) {
            KernfsInvariants.join(notifier);
        }
        settle();
        for (int node = 0; node < NODES; node++) {
            assertThat(seen.get(node)).as("node %d", node).isEqualTo(values.get(node));
            assertThat(nodes.get(node).link).isNull();
        }
        assertThat(longest.get()).as("the list, with %d nodes", NODES).isBetween(1, NODES);
        assertThat(values.get(0)).isEqualTo((long) NOTIFIERS * CHANGES / NODES);
        assertThat(tellings.get()).isLessThan((long) NOTIFIERS * CHANGES);
    }

    /** One hot node starves nobody: what was notified once comes to its turn while another one is notified without end. */
    @Test
    void aHotNodeStarvesNobody() throws Exception {
        KernfsAttribute hot = KernfsInvariants.value("hot");
        tree.root().add(hot);
        tree.root().add(array);
        CountDownLatch cold = new CountDownLatch(1);
        tree.mount((attribute, parent, name) -> {
            if (attribute == state) {
                cold.countDown();
            } else if (cold.getCount() > 0) {
                hot.notifyChange();
            }
        });
        hot.notifyChange();
        state.notifyChange();
        KernfsInvariants.await(cold);
    }

    /**
     * Falsifier of 2, and the patch of 2023. Goal: what starves when no worker can be made. Method: with every history, a change in a famine:
     * pollers are woken by the notifier, or from the queue; subscribers always from the queue; the shared one stands still, and the one with a
     * rescuer goes on.
     */
    @ParameterizedTest(name = "own queue {0}, poll wake deferred {1}: poller {2}, subscriber {3}")
    @CsvSource({
        "true,  false, woken,   told",
        "false, false, woken,   starves",
        "true,  true,  woken,   told",
        "false, true,  starves, starves",
    })
    void inv2WhoStarvesInAFamine(boolean own, boolean deferred, String poller, String subscriber) throws Exception {
        KernfsOptions base = own ? options : KernfsOptions.onSharedQueue(house.queues);
        KernfsOptions chosen = deferred ? base.deferringPollWake() : base;
        KernfsTree history = new KernfsTree(chosen);
        history.root().add(array);
        history.mount(told);
        OpenFile file = state.open(Access.READ);
        file.read(0, ByteBuffer.allocate(64));
        AtomicInteger woken = new AtomicInteger();
        file.watch(changed -> woken.incrementAndGet());

        house.begin();
        state.notifyChange();
        assertThat(woken.get()).as("by the notifier itself").isEqualTo(deferred ? 0 : 1);
        if (own) {
            settle(chosen);
        } else {
            while (!isManagingInVain()) {
                Thread.onSpinWait();
            }
        }
        assertThat(woken.get() > 0 ? "woken" : "starves").isEqualTo(poller);
        assertThat(KernfsInvariants.fires(file)).isEqualTo(poller.equals("woken"));
        assertThat(told.times.get() > 0 ? "told" : "starves").isEqualTo(subscriber);

        house.end();
        settle(chosen);
        assertThat(told.times.get()).isEqualTo(1);
        assertThat(KernfsInvariants.fires(file)).isTrue();
    }

    /** The reason why the shared queue stands still: its pool has work and nobody but a manager that gets no worker. */
    private boolean isManagingInVain() {
        return house.queues.view().pools().stream()
                .anyMatch(pool -> pool.managing() && pool.failures() > 0 && pool.waiting() > 0 && pool.idle() == 0);
    }

    /** 2 and 7 together: a rescuer does not help who waits for the supers lock, as was said in the thread of 2023. */
    @Test
    void inv7ARescuerWaitsForTheSupersLockToo() throws Exception {
        tree.root().add(array);
        tree.mount(told);
        CountDownLatch holding = new CountDownLatch(1);
        CountDownLatch letGo = new CountDownLatch(1);
        Thread mounting = Threads.start(
                "mounting",
                () -> tree.mount(new Told() {
                    @Override
                    public void mounted() {
                        holding.countDown();
                        KernfsInvariants.await(letGo);
                    }
                }));
        KernfsInvariants.await(holding);
        house.begin();
        state.notifyChange();
        while (Thread.getAllStackTraces().keySet().stream()
                .noneMatch(thread -> LockSupport.getBlocker(thread) instanceof SupersLock)) {
            Thread.onSpinWait();
        }
        assertThat(told.times.get()).isZero();
        letGo.countDown();
        KernfsInvariants.join(mounting);
        settle();
        assertThat(told.times.get()).isEqualTo(1);
        assertThat(house.reports)
                .as("the wait for the supers lock is declared")
                .noneMatch(Report.UndeclaredWait.class::isInstance);
    }

    /** What the histories would have to declare, if writes depended on them, is refused before there is a thread. */
    @Test
    void aWriteThatDependedOnTheQueueWouldBeRefused() {
        WaitGraph shared = new WaitGraph();
        shared.declare("events", Waits.forNothing(), false);
        assertThatThrownBy(() -> shared.declare("poll wake", Waits.on("events").neededBy("write")))
                .hasMessageContaining("without a rescuer");

        WaitGraph own = new WaitGraph();
        own.declare(KernfsOptions.QUEUE, KernfsOptions.queuePlan().waits());
        own.declare(KernfsOptions.SUPERS_LOCK, Waits.on("memory")); // who mounts allocates
        own.declare("memory", Waits.on("write"));
        assertThatThrownBy(() -> own.declare("write", Waits.on(KernfsOptions.QUEUE)))
                .hasMessageContaining("kernfs_wq -> supers lock -> memory -> write");
    }
}
