package redoubt.keeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import redoubt.base.ArrayState;
import redoubt.base.Step;
import redoubt.base.ThreadHeartbeat;
import redoubt.base.Worker;
import redoubt.base.WorkerFactory;
import redoubt.block.IoOperation;
import redoubt.block.IoStatus;
import redoubt.kernfs.KernfsAttribute;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.KernfsOptions;
import redoubt.kernfs.KernfsTree;
import redoubt.kernfs.Subscriber;
import redoubt.md.ArrayAttributes;
import redoubt.md.MemberState;
import redoubt.md.MetadataKeeper;
import redoubt.metadata.VolumeState;
import redoubt.testkit.Inspection;
import redoubt.testkit.Waiting;
import redoubt.workqueue.SystemQueue;
import redoubt.workqueue.WorkItem;
import redoubt.workqueue.Workqueue;
import redoubt.workqueue.WorkqueueView;
import redoubt.workqueue.Workqueues;
import redoubt.workqueue.WorkqueuesOptions;

/**
 * Goal: when there is no thread more to be had, whether who asks for one is refused or never answered, a million changes are told of, an array
 * becomes dirty, a member fails, and the array goes on without it. Beside it, the same work stands still where it goes through the shared
 * system queue or a stock executor, and why is seen in these. Method: three mirrors, alike but for who tells of their changes and
 * who carries their marks to the keeper: {@code kernfs_wq} and the array's own queue; the system queue; a {@link ThreadPoolExecutor} whose
 * worker dies in the famine, as a worker does whose task throws.
 */
@Tag("slow")
class ThreadFamineTest {

    private static final int NOTIFICATIONS = 1_000_000;
    private static final int DISKS = 2;
    private static final int VICTIM = 1;
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);

    @RegisterExtension
    final Inspection inspection = new Inspection();

    /** What becomes of who asks for a thread. */
    enum Famine {
        REFUSES,
        HANGS
    }

    /** Real threads until the famine begins. */
    private static final class Starving implements WorkerFactory, ThreadFactory {
        final List<Thread> given = new CopyOnWriteArrayList<>(); // to the stock executor
        private final Famine how;
        private final CountDownLatch over = new CountDownLatch(1);
        private final AtomicInteger hanging = new AtomicInteger();
        private volatile boolean famine;

        Starving(Famine how) {
            this.how = how;
        }

        private void ask() {
            if (!famine) {
                return;
            }
            if (how == Famine.REFUSES) {
                throw new OutOfMemoryError("unable to create native thread, says the test");
            }
            hanging.getAndIncrement();
            try {
                over.await();
            } catch (InterruptedException stopped) {
                throw new IllegalStateException(stopped);
            }
        }

        void begin() {
            famine = true;
        }

        void end() {
            famine = false;
            over.countDown();
        }

        @Override
        public Worker start(String name, Step step) {
            ask();
            return WorkerFactory.threads().start(name, step);
        }

        @Override
        public Thread newThread(Runnable body) {
            ask();
            Thread thread = Thread.ofPlatform().daemon().unstarted(body);
            thread.setUncaughtExceptionHandler((dead, why) -> {});
            given.add(thread);
            return thread;
        }
    }

    /** Carries marks to the keeper by way of somebody who may have no thread for it. */
    private record Detour(Executor by, MetadataKeeper keeper, Workqueue queue) implements MetadataKeeper {

        private void call(Runnable mark) {
            by.execute(() -> queue.queue(new WorkItem(mark)));
        }

        @Override
        public void markDirty(Answer answer) {
            call(() -> keeper.markDirty(answer));
        }

        @Override
        public void markClean(Answer answer) {
            call(() -> keeper.markClean(answer));
        }

        @Override
        public void recordFailure(int slot, Answer answer) {
            call(() -> keeper.recordFailure(slot, answer));
        }
    }

    /** A tree with an attribute to be changed and an array, and how often its subscriber was told of either. */
    private static final class Tree implements Subscriber {
        private final KernfsAttribute counted =
                KernfsAttribute.readOnly("counted", out -> out.append("1").line());
        private final AtomicLong toldOfCounted = new AtomicLong();
        private final AtomicLong toldOfState = new AtomicLong();

        Tree(KernfsOptions options, KeeperRig rig) throws Exception {
            List<ArrayAttributes.@Nullable MemberFacts> members = new ArrayList<>();
            for (int slot = 0; slot < DISKS; slot++) {
                members.add(new ArrayAttributes.MemberFacts("disk" + slot, "disk:" + slot, "DISK" + slot));
            }
            ArrayAttributes.Facts facts = new ArrayAttributes.Facts("imsm", "", 0, 0, members);
            KernfsTree tree = new KernfsTree(options);
            tree.root().add(counted);
            tree.root().add(new ArrayAttributes("md126", rig.array(), facts, () -> false).directory());
            tree.mount(this);
        }

        @Override
        public void modified(KernfsAttribute attribute, @Nullable KernfsDirectory parent, String name) {
            if (attribute == counted) {
                toldOfCounted.getAndIncrement();
            } else if (name.equals("array_state")) {
                toldOfState.getAndIncrement();
            }
        }

        void changeOften() {
            for (int i = 0; i < NOTIFICATIONS; i++) {
                counted.notifyChange();
            }
        }
    }

    /** Everything there is before the famine. */
    private static final class World implements AutoCloseable {
        private final Starving factory;
        private final ThreadHeartbeat heartbeat = new ThreadHeartbeat(TimeUnit.MILLISECONDS.toNanos(2));
        private final Workqueues house;
        private final Workqueue system;
        private final KernfsOptions kernfsWq;

        private final KeeperRig own;
        private final Tree ownTree;

        private final KeeperRig shared;
        private final Tree sharedTree;

        private final ThreadPoolExecutor stock;
        private final CountDownLatch die = new CountDownLatch(1);
        private final KeeperRig executed;
        private final AtomicBoolean listed = new AtomicBoolean(); // like a node of kernfs: once at most
        private final AtomicLong toldByStock = new AtomicLong();

        World(Famine how, Inspection inspection) throws Exception {
            factory = new Starving(how);
            house = new Workqueues(heartbeat, factory, WorkqueuesOptions.of(1, report -> {}));
            system = house.system(SystemQueue.PERCPU);
            kernfsWq = KernfsOptions.onOwnQueue(house);
            own = KeeperRig.onThreads(DISKS, inspection, heartbeat, factory, (keeper, queue) -> keeper);
            ownTree = new Tree(kernfsWq, own);
            shared = KeeperRig.onThreads(
                    DISKS,
                    inspection,
                    heartbeat,
                    factory,
                    (keeper, queue) -> new Detour(mark -> system.queue(new WorkItem(mark)), keeper, queue));
            sharedTree = new Tree(KernfsOptions.onSharedQueue(house), shared);
            stock = new ThreadPoolExecutor(1, 1, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), factory);
            executed = KeeperRig.onThreads(
                    DISKS, inspection, heartbeat, factory, (keeper, queue) -> new Detour(stock, keeper, queue));
            CountDownLatch running = new CountDownLatch(1);
            stock.execute(() -> {
                running.countDown();
                await(die);
                throw new IllegalStateException("a task that throws");
            });
            await(running);
        }

        void changeOftenByStock() {
            for (int i = 0; i < NOTIFICATIONS; i++) {
                if (listed.compareAndSet(false, true)) {
                    stock.execute(() -> {
                        listed.set(false);
                        toldByStock.getAndIncrement();
                    });
                }
            }
        }

        WorkqueueView.PoolView pool() {
            return house.view().pools().getFirst();
        }

        WorkqueueView.QueueView kernfsWq() {
            return house.view().queues().stream()
                    .filter(queue -> queue.name().equals(KernfsOptions.QUEUE))
                    .findFirst()
                    .orElseThrow();
        }

        @Override
        public void close() {
            factory.end();
            die.countDown();
            stock.shutdownNow();
            house.close();
            heartbeat.close();
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(PATIENCE_NANOS, TimeUnit.NANOSECONDS)).isTrue();
        } catch (InterruptedException stopped) {
            throw new AssertionError(stopped);
        }
    }

    @ParameterizedTest
    @EnumSource
    void inv5aWhatIsOnTheWayOfAWriteGoesOnWithoutAThreadToBeHadAndTheSameByOthersDoesNot(Famine how) throws Exception {
        try (World world = new World(how, inspection)) {
            world.factory.begin();
            world.sharedTree.changeOften();
            world.changeOftenByStock();
            KeeperRig.Asked byShared = world.shared.write(0, 4096);
            KeeperRig.Asked byStock = world.executed.write(0, 4096);

            assertOwnGoesThrough(world);
            assertSharedStandsStill(world, byShared);
            assertStockStandsStill(world, byStock);

            world.factory.end();
            assertWrittenDirty(world.shared, byShared);
            Waiting.until("the shared queue tells", () -> world.sharedTree.toldOfCounted.get() > 0);
            if (how == Famine.REFUSES) {
                // The difference to the shared queue, whose manager tries again: here nobody does until somebody comes
                // with more.
                assertNobodyServesTheStockExecutor(world, byStock);
                world.stock.execute(() -> {});
            }
            assertWrittenDirty(world.executed, byStock);
            assertThat(world.toldByStock.get()).isPositive();
            for (KeeperRig rig : List.of(world.own, world.shared, world.executed)) {
                assertThat(rig.stop(PATIENCE_NANOS)).as("stopped in good order").isTrue();
            }
        }
    }

    private static void assertWrittenDirty(KeeperRig rig, KeeperRig.Asked write) {
        Waiting.until("the write is answered", () -> write.ended);
        assertThat(write.how).isEqualTo(IoStatus.OK);
        for (int disk = 0; disk < DISKS; disk++) {
            assertThat(rig.volumeOn(disk).dirty())
                    .as("disk %d says dirty", disk)
                    .isTrue();
        }
    }

    private static void assertOwnGoesThrough(World world) throws InterruptedException {
        world.ownTree.changeOften();
        Workqueue queue = world.kernfsWq.notifyQueue();
        assertThat(queue != null && queue.flush(PATIENCE_NANOS))
                .as("kernfs_wq ends what it has")
                .isTrue();
        long before = world.ownTree.toldOfCounted.get();
        assertThat(before).isPositive();
        world.ownTree.counted.notifyChange();
        Waiting.until("the last change is told of", () -> world.ownTree.toldOfCounted.get() > before);

        assertThat(world.own.array().view().state()).isEqualTo(ArrayState.CLEAN);
        assertWrittenDirty(world.own, world.own.write(0, 4096));
        assertThat(world.own.array().view().state()).isEqualTo(ArrayState.ACTIVE);
        Waiting.until("array_state is told of", () -> world.ownTree.toldOfState.get() > 0);

        world.own.disk(VICTIM).failNext(IoOperation.WRITE, IoStatus.IO_ERROR);
        KeeperRig.Asked degrading = world.own.write(4096, 4096);
        Waiting.until("the write that met the failure is answered", () -> degrading.ended);
        assertThat(degrading.how).isEqualTo(IoStatus.OK);
        assertThat(world.own.array().view().memberState(VICTIM)).isEqualTo(MemberState.FAULTY);
        assertThat(world.own.array().view().degraded()).isEqualTo(1);
        assertThat(world.own.volumeOn(1 - VICTIM).recorded()).isEqualTo(VolumeState.DEGRADED);

        assertThat(world.kernfsWq().rescued())
                .as("what was told was told by the rescuer")
                .isPositive();
    }

    /** Why: the last worker tries to make another one before it works, and nobody works meanwhile. */
    private static void assertSharedStandsStill(World world, KeeperRig.Asked write) {
        Waiting.until("somebody looks in vain for a worker", () -> world.pool().managing());
        assertThat(world.pool().idle()).isZero();
        Waiting.until("only the telling and the mark wait", () -> world.pool().waiting() == 2);
        assertThat(world.pool().maydays()).as("there was a call for help").isPositive();
        if (world.factory.how == Famine.REFUSES) {
            assertThat(world.pool().failures()).isPositive();
        } else {
            assertThat(world.factory.hanging.get()).isEqualTo(1);
        }
        assertThat(world.sharedTree.toldOfCounted.get()).isZero();
        assertThat(world.sharedTree.toldOfState.get()).isZero();
        assertNothingWritten(world.shared, write);
    }

    private static void assertStockStandsStill(World world, KeeperRig.Asked write) throws InterruptedException {
        Waiting.until(
                "the telling and the mark wait", () -> world.stock.getQueue().size() == 2);
        Thread worker = world.factory.given.getFirst();
        world.die.countDown();
        if (world.factory.how == Famine.REFUSES) {
            worker.join(TimeUnit.NANOSECONDS.toMillis(PATIENCE_NANOS));
            assertThat(worker.isAlive()).isFalse();
            AtomicBoolean ran = new AtomicBoolean();
            assertThatThrownBy(() -> world.stock.execute(() -> ran.set(true)))
                    .as("who comes with more")
                    .isInstanceOf(OutOfMemoryError.class);
            assertThat(ran.get()).isFalse();
        } else {
            Waiting.until("the dying worker waits for its successor", () -> world.factory.hanging.get() == 2);
        }
        assertNobodyServesTheStockExecutor(world, write);
    }

    /** Why: its worker is dead or dying, there is no other, and nobody will look again. */
    private static void assertNobodyServesTheStockExecutor(World world, KeeperRig.Asked write) {
        assertThat(world.factory.given).hasSize(1);
        assertThat(world.stock.getPoolSize()).isZero();
        assertThat(world.stock.getQueue()).hasSize(2);
        assertThat(world.toldByStock.get()).isZero();
        assertNothingWritten(world.executed, write);
    }

    private static void assertNothingWritten(KeeperRig rig, KeeperRig.Asked write) {
        assertThat(write.ended).isFalse();
        assertThat(rig.array().view().state()).isEqualTo(ArrayState.WRITE_PENDING);
        for (int disk = 0; disk < DISKS; disk++) {
            assertThat(rig.asked(disk)).as("disk %d", disk).noneMatch(asked -> asked.startsWith("WRITE"));
        }
    }
}
