package redoubt.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import redoubt.base.Heartbeat;
import redoubt.base.WorkerFactory;
import redoubt.kernfs.KernfsAttribute;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.KernfsNode;
import redoubt.kernfs.KernfsOptions;
import redoubt.kernfs.NodeRefused;
import redoubt.kernfs.WorkqueueAttributes;
import redoubt.workqueue.Workqueue;
import redoubt.workqueue.WorkqueueView;
import redoubt.workqueue.Workqueues;
import redoubt.workqueue.WorkqueuesOptions;

/**
 * The workqueues that a process which serves has beside the one of its container, and what is shown of all. No write waits for any of
 * these: they tell who mounted the tree of what changed.
 */
final class ServedQueues implements AutoCloseable {

    private static final long REHEARSAL_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final AtomicLong reports = new AtomicLong();
    private final Workqueues house;
    private final KernfsOptions forTree;

    /**
     * Makes them.
     *
     * @throws OutOfMemoryError if there are not enough threads to give
     */
    ServedQueues(Heartbeat heartbeat) {
        house = new Workqueues(
                heartbeat, WorkerFactory.threads(), WorkqueuesOptions.of(1, report -> reports.getAndIncrement()));
        forTree = KernfsOptions.onOwnQueue(house);
    }

    /** How the tree tells its subscribers. */
    KernfsOptions forTree() {
        return forTree;
    }

    /** The directory that shows them, with {@code reports}: how often something went wrong in them. */
    KernfsNode attributes(Workqueue ofContainer) {
        KernfsDirectory directory = new WorkqueueAttributes("workqueue", () -> picture(ofContainer)).directory();
        try {
            directory.add(KernfsAttribute.readOnly(
                    "reports", out -> out.append(reports.get()).line()));
        } catch (NodeRefused impossible) {
            throw new IllegalStateException(impossible);
        }
        return directory;
    }

    private WorkqueueView picture(Workqueue ofContainer) {
        WorkqueueView seen = house.view();
        List<WorkqueueView.QueueView> queues = new ArrayList<>(seen.queues());
        queues.add(ofContainer.view());
        return new WorkqueueView(seen.pools(), queues);
    }

    /** Has the queue do its work once, so that later it needs no new thread and no new class. */
    void rehearse() {
        Workqueue queue = forTree.notifyQueue();
        if (queue != null) {
            try {
                queue.queue(new redoubt.workqueue.WorkItem(() -> {}));
                queue.flush(REHEARSAL_NANOS);
            } catch (InterruptedException hurried) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    public void close() {
        house.close();
    }
}
