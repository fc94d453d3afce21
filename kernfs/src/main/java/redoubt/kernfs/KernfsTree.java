package redoubt.kernfs;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import redoubt.workqueue.Workqueue;

/**
 * A tree: its root, the lock of those who change its shape, and what tells subscribers of changes.
 *
 * <p>The lock is for changes in more than one place only (see {@link KernfsNode}); nobody waits with it in hand, and neither a look-up nor
 * a notification takes it.
 */
public final class KernfsTree {

    private final KernfsOptions options;
    private final ReentrantLock lock = new ReentrantLock();
    private final AtomicLong ids = new AtomicLong();
    private final @Nullable NotifyWork notifyWork;
    private final KernfsDirectory root;

    /** An empty tree. */
    public KernfsTree(KernfsOptions options) {
        this.options = options;
        Workqueue queue = options.notifyQueue();
        notifyWork = queue == null ? null : new NotifyWork(queue, options.pollWakeDeferred());
        root = new KernfsDirectory(this);
    }

    /** The root, which is there at once and for good. */
    public KernfsDirectory root() {
        return root;
    }

    /**
     * Has a subscriber told of every change from now on. Waits until nobody is being told.
     *
     * @throws IllegalStateException in a tree without a queue, and from within a subscriber
     */
    public KernfsMount mount(Subscriber subscriber) {
        NotifyWork work = notifyWork;
        if (work == null) {
            throw new IllegalStateException("this tree has no queue from which a subscriber could be told");
        }
        return work.mount(subscriber);
    }

    /** How often a subscriber threw; anything but 0 is a bug of its. */
    public long faults() {
        NotifyWork work = notifyWork;
        return work == null ? 0 : work.faults();
    }

    /** How many nodes wait to be told of, or more than the limit. To be asked by a subscriber that is being told. */
    int waitingToBeToldOf(int limit) {
        NotifyWork work = notifyWork;
        return work == null ? 0 : work.waiting(limit);
    }

    boolean createsUnactivated() {
        return options.createsUnactivated();
    }

    /** Whether pollers are woken by who notifies. */
    boolean wakesPollersInline() {
        return !options.pollWakeDeferred();
    }

    /** Never given twice; its low half alone comes round again after 2^32 nodes. */
    long nextId() {
        return ids.incrementAndGet();
    }

    void lock() {
        lock.lock();
    }

    void unlock() {
        lock.unlock();
    }

    /** Has subscribers told, later and from the queue. Allocates nothing and takes no lock. */
    void announce(KernfsNode node) {
        NotifyWork work = notifyWork;
        if (work != null) {
            work.announce(node);
        }
    }
}
