package redoubt.kernfs;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import redoubt.base.ThreadHeartbeat;
import redoubt.base.WorkerFactory;
import redoubt.workqueue.Workqueue;
import redoubt.workqueue.Workqueues;
import redoubt.workqueue.WorkqueuesOptions;

/**
 * Counts what reading, storing, polling and notifying allocate on the thread that does it, and what telling a subscriber allocates on the
 * worker's, in a virtual machine of its own, whose flags the test chooses. Prints a line for each: name and bytes.
 */
final class KernfsAllocationProbe {

    private static final int REPETITIONS = 40;

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private final int rounds;
    private final ByteBuffer target = ByteBuffer.allocateDirect(64);
    private final ByteBuffer word = ByteBuffer.allocateDirect(8);
    private volatile long workerThread;
    private final AtomicInteger told = new AtomicInteger();

    private KernfsAllocationProbe(int rounds) {
        this.rounds = rounds;
        word.put(new byte[] {'a', 'c', 't', 'i', 'v', 'e', '\n'}).flip();
    }

    /** Arguments: rounds. */
    public static void main(String[] arguments) throws Exception {
        new KernfsAllocationProbe(Integer.parseInt(arguments[0])).run();
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }

    private interface Act {
        void once();
    }

    private void run() throws Exception {
        ThreadHeartbeat heartbeat = new ThreadHeartbeat(5_000_000);
        Workqueues queues = new Workqueues(heartbeat, WorkerFactory.threads(), WorkqueuesOptions.of(1, report -> {}));
        KernfsOptions options = KernfsOptions.onOwnQueue(queues);
        KernfsTree tree = new KernfsTree(options);
        int[] stored = new int[1];
        KernfsAttribute state = KernfsAttribute.readWrite(
                        "array_state", out -> out.append(stored[0]).line(), value -> {
                            stored[0] += value.is("active") ? 1 : 0;
                            return stored[0] < 0 ? Outcome.refused(Errno.EIO, "never") : Outcome.OK;
                        })
                .preallocated();
        tree.root().add(new KernfsDirectory("md0", state));
        OpenFile file = state.open(Access.READ_WRITE);
        int[] woken = new int[1];
        file.watch(changed -> woken[0]++);
        measure("read", () -> {
            target.clear();
            file.read(0, target);
        });
        measure("write", () -> {
            word.rewind();
            file.write(word);
        });
        measure("poll", () -> woken[0] += file.poll());
        measure("notify", state::notifyChange);
        tree.mount(new Subscriber() {
            @Override
            public void modified(KernfsAttribute attribute, @Nullable KernfsDirectory parent, String name) {
                workerThread = Thread.currentThread().threadId();
                told.getAndIncrement();
            }
        });
        measure("notify-with-mount", state::notifyChange);
        measureTelling(state, options.notifyQueue());
        if (woken[0] == 0 || stored[0] == 0 || told.get() == 0) {
            throw new IllegalStateException("nothing was measured");
        }
    }

    private void measure(String name, Act act) {
        long least = Long.MAX_VALUE;
        for (int repetition = 0; repetition < REPETITIONS && least != 0; repetition++) {
            long before = THREADS.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < rounds; i++) {
                act.once();
            }
            least = Math.min(least, THREADS.getCurrentThreadAllocatedBytes() - before);
        }
        System.out.println(name + " " + least);
    }

    /** Told one by one, on a worker that stays the same. */
    private void measureTelling(KernfsAttribute state, Workqueue queue) throws InterruptedException {
        long least = Long.MAX_VALUE;
        for (int repetition = 0; repetition < REPETITIONS && least != 0; repetition++) {
            queue.flush(TimeUnit.SECONDS.toNanos(60));
            long worker = workerThread;
            long before = THREADS.getThreadAllocatedBytes(worker);
            boolean same = true;
            for (int i = 0; i < Math.min(rounds, 1000); i++) {
                int already = told.get();
                state.notifyChange();
                while (told.get() == already) {
                    LockSupport.parkNanos(1);
                }
                same &= workerThread == worker;
            }
            if (same) {
                least = Math.min(least, THREADS.getThreadAllocatedBytes(worker) - before);
            }
        }
        System.out.println("tell " + least);
    }
}
