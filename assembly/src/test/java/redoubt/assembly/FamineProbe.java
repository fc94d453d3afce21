package redoubt.assembly;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import redoubt.base.ArrayState;
import redoubt.base.ThreadHeartbeat;
import redoubt.base.WorkerFactory;
import redoubt.block.IoOperation;
import redoubt.block.IoStatus;
import redoubt.kernfs.KernfsAttribute;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.KernfsOptions;
import redoubt.kernfs.KernfsTree;
import redoubt.kernfs.NodeRefused;
import redoubt.kernfs.Subscriber;
import redoubt.md.ArrayAttributes;
import redoubt.md.MemberState;
import redoubt.metadata.SlotState;
import redoubt.metadata.VolumePicture;
import redoubt.testkit.Asker;
import redoubt.testkit.Fault;
import redoubt.testkit.PowerRail;
import redoubt.testkit.Waiting;
import redoubt.workqueue.SystemQueue;
import redoubt.workqueue.WorkItem;
import redoubt.workqueue.Workqueue;
import redoubt.workqueue.WorkqueueView;
import redoubt.workqueue.Workqueues;
import redoubt.workqueue.WorkqueuesOptions;

/**
 * What {@link PidsFamineTest} runs in a process that gets no more threads: {@link #main} says {@code ready}, waits for a line, works in the
 * famine, says {@code went through}, waits for another line, and looks at what the end of the famine changed. A failure is an exit code
 * other than 0 with its story on standard error.
 */
final class FamineProbe implements AutoCloseable {

    static final String READY = "ready";
    static final String WENT_THROUGH = "went through";

    private static final int NOTIFICATIONS = 1_000_000;
    private static final int VICTIM = 1;
    private static final int BLOCKED = 4;
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);

    /** Counts what it is told. */
    private static final class Told implements Subscriber {
        private final AtomicLong times = new AtomicLong();

        @Override
        public void modified(KernfsAttribute attribute, @Nullable KernfsDirectory parent, String name) {
            times.incrementAndGet();
        }
    }

    private final ThreadHeartbeat heartbeat = new ThreadHeartbeat(TimeUnit.MILLISECONDS.toNanos(2));
    private final Workqueues house =
            new Workqueues(heartbeat, WorkerFactory.threads(), WorkqueuesOptions.of(1, report -> {}));

    // Notifications through a queue with a rescuer, through the shared one, and through a stock executor.
    private final KernfsOptions own = KernfsOptions.onOwnQueue(house);
    private final KernfsAttribute onOwn = counted();
    private final Told toldByOwn = told(own, onOwn);
    private final KernfsAttribute onShared = counted();
    private final Told toldByShared = told(KernfsOptions.onSharedQueue(house), onShared);
    private final CountDownLatch die = new CountDownLatch(1);
    private final AtomicLong toldByStock = new AtomicLong();
    private final List<Thread> stockWorkers = new CopyOnWriteArrayList<>();
    private final ThreadPoolExecutor stock =
            new ThreadPoolExecutor(1, 1, 0, TimeUnit.SECONDS, new ArrayBlockingQueue<>(10), body -> {
                Thread thread = Thread.ofPlatform().daemon().unstarted(body);
                thread.setUncaughtExceptionHandler((dead, why) -> {});
                stockWorkers.add(thread);
                return thread;
            });

    private final CountDownLatch over = new CountDownLatch(1);
    private final SimulatedContainer simulated;
    private final Told toldOfState;

    private FamineProbe() throws Exception {
        simulated = new SimulatedContainer(
                SimulatedContainer.freshImages(SimulatedContainer.Kind.RAID1),
                AssemblyOptions.WRITABLE.withSafeModeDelayNanos(0),
                PowerRail.steady(),
                heartbeat,
                member -> member);
        List<ArrayAttributes.@Nullable MemberFacts> members = new ArrayList<>();
        for (int slot = 0; slot < SimulatedContainer.Kind.RAID1.disks; slot++) {
            members.add(new ArrayAttributes.MemberFacts("sim" + slot, "sim:" + slot, "SIM" + slot));
        }
        ArrayAttributes attributes = new ArrayAttributes(
                "md126",
                simulated.array(),
                new ArrayAttributes.Facts("external:/md127/0", "", 0, 0, members),
                () -> false);
        KernfsTree tree = new KernfsTree(own);
        tree.root().add(attributes.directory());
        toldOfState = new Told();
        tree.mount(toldOfState);
    }

    private static KernfsAttribute counted() {
        return KernfsAttribute.readOnly("counted", out -> out.append("1").line());
    }

    private static Told told(KernfsOptions options, KernfsAttribute attribute) {
        KernfsTree tree = new KernfsTree(options);
        try {
            tree.root().add(attribute);
        } catch (NodeRefused unexpected) {
            throw new IllegalStateException(unexpected);
        }
        Told told = new Told();
        tree.mount(told);
        return told;
    }

    public static void main(String[] words) throws Exception {
        BufferedReader orders = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        try (FamineProbe probe = new FamineProbe()) {
            probe.employTheStockExecutor();
            say(READY);
            await(orders);
            assertThatThrownBy(() -> new Thread(() -> {}).start())
                    .as("there are threads to be had")
                    .isInstanceOf(OutOfMemoryError.class);
            probe.worksInTheFamine();
            probe.othersStandStill();
            say(WENT_THROUGH);
            await(orders);
            probe.afterTheFamine();
        }
    }

    private static void say(String word) {
        System.out.println(word);
        System.out.flush();
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        }
    }

    private static void await(BufferedReader orders) throws IOException {
        assertThat(orders.readLine()).as("the test is there").isNotNull();
    }

    private void employTheStockExecutor() throws InterruptedException {
        CountDownLatch running = new CountDownLatch(1);
        stock.execute(() -> {
            running.countDown();
            try {
                die.await();
            } catch (InterruptedException stopped) {
                Thread.currentThread().interrupt();
            }
            throw new IllegalStateException("a task that throws");
        });
        assertThat(running.await(60, TimeUnit.SECONDS)).isTrue();
    }

    private void worksInTheFamine() throws InterruptedException {
        for (int i = 0; i < NOTIFICATIONS; i++) {
            onOwn.notifyChange();
        }
        Workqueue queue = own.notifyQueue();
        assertThat(queue != null && queue.flush(PATIENCE_NANOS))
                .as("kernfs_wq ends what it has")
                .isTrue();
        assertThat(toldByOwn.times.get()).isPositive();
        long before = toldByOwn.times.get();
        onOwn.notifyChange();
        Waiting.until("the last change is told of", () -> toldByOwn.times.get() > before);

        byte[] content = new byte[4096];
        Arrays.fill(content, (byte) 'a');
        try (Asker asker = new Asker(simulated.array())) {
            assertThat(simulated.array().view().state()).isEqualTo(ArrayState.CLEAN);
            assertThat(asker.writeFua(0, content)).isEqualTo(IoStatus.OK);
            assertThat(simulated.array().view().state()).isEqualTo(ArrayState.ACTIVE);
            for (int disk = 0; disk < simulated.members.size(); disk++) {
                assertThat(written(disk).dirty()).as("disk %d says dirty", disk).isTrue();
            }
            Waiting.until("array_state is told of", () -> toldOfState.times.get() > 0);

            simulated.members.get(VICTIM).inject(Fault.failing(IoStatus.IO_ERROR, IoOperation.WRITE));
            Arrays.fill(content, (byte) 'b');
            assertThat(asker.writeFua(0, content)).isEqualTo(IoStatus.OK);
            assertThat(simulated.array().view().memberState(VICTIM)).isEqualTo(MemberState.FAULTY);
            assertThat(simulated.array().view().degraded()).isEqualTo(1);
            assertThat(written(1 - VICTIM).slots().get(VICTIM).state())
                    .as("what the survivor says of the one that failed")
                    .isNotEqualTo(SlotState.IN_SYNC);
            assertThat(asker.read(0, content.length)).isEqualTo(content);
        }
    }

    private VolumePicture written(int disk) {
        return SimulatedContainer.volumeIn(simulated.members.get(disk).content())
                .orElseThrow();
    }

    private void othersStandStill() throws InterruptedException {
        stock.execute(toldByStock::incrementAndGet);
        die.countDown();
        stockWorkers.getFirst().join(TimeUnit.NANOSECONDS.toMillis(PATIENCE_NANOS));
        assertNobodyServesTheStockExecutor();
        // As in the hang of 2023: whoever works for the shared pool waits for something else.
        for (int i = 0; i < BLOCKED; i++) {
            house.system(SystemQueue.PERCPU)
                    .queueOn(0, new WorkItem(() -> Workqueue.blocking("the end of the famine", () -> await(over))));
        }
        onShared.notifyChange();
        Waiting.until("the shared pool cannot make a worker", () -> sharedPool().failures() > 0);
        // The reason: the last worker tries to make another one before it works, and nobody works meanwhile.
        assertThat(sharedPool().managing()).isTrue();
        assertThat(sharedPool().idle()).isZero();
        assertThat(sharedPool().waiting()).isPositive();
        assertThat(toldByShared.times.get()).isZero();
    }

    /** The reason why it hangs: its worker is dead, another one could not be started, and nobody looks again. */
    private void assertNobodyServesTheStockExecutor() {
        assertThat(stockWorkers).isNotEmpty().noneMatch(Thread::isAlive);
        assertThat(stock.getPoolSize()).isZero();
        assertThat(stock.getQueue()).hasSize(1);
        assertThat(toldByStock.get()).isZero();
    }

    private void afterTheFamine() {
        over.countDown();
        Waiting.until("the shared queue goes on", () -> toldByShared.times.get() > 0);
        assertNobodyServesTheStockExecutor();
        stock.execute(toldByStock::incrementAndGet); // only this makes it look
        Waiting.until("the stock executor has been woken", () -> toldByStock.get() == 2);
        simulated.members.get(VICTIM).heal();
        assertThat(simulated.container.stop(PATIENCE_NANOS))
                .as("stopped in good order; %s", simulated.complaints)
                .isTrue();
        simulated.expectNothingLeaks();
    }

    private WorkqueueView.PoolView sharedPool() {
        return house.view().pools().getFirst();
    }

    @Override
    public void close() {
        stock.shutdownNow();
        simulated.close();
        house.close();
        heartbeat.close();
    }
}
