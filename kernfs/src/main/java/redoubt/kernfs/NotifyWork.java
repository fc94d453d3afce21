package redoubt.kernfs;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;
import redoubt.workqueue.WorkItem;
import redoubt.workqueue.Workqueue;

/**
 * Tells subscribers of changes, from a work item, because they may take time and locks and a notifier may not. A notifier puts its node on
 * the list and queues the item: that allocates nothing and waits for nobody. Any number of changes of a node until the item comes to it are
 * one.
 *
 * <p>Field legend. W: touched by the item only, which never runs twice at once; S: replaced whole under the supers lock, read by all.
 */
final class NotifyWork {

    private static final KernfsMount[] NOBODY = {};

    private final Workqueue queue;
    private final boolean wakesPollers;
    private final NotifyList list = new NotifyList();
    private final SupersLock supers;
    private final WorkItem item = new WorkItem(this::run);
    private final AtomicLong faults = new AtomicLong();
    private KernfsNode batch = NotifyList.END; // W: what was taken from the list and not told of yet
    private volatile KernfsMount[] mounts = NOBODY; // S

    NotifyWork(Workqueue queue, boolean wakesPollers) {
        this.queue = queue;
        this.supers = new SupersLock(queue.parking());
        this.wakesPollers = wakesPollers;
    }

    long faults() {
        return faults.get();
    }

    KernfsMount mount(Subscriber subscriber) {
        KernfsMount mount = new KernfsMount(subscriber, this);
        supers.lockForWriting();
        try {
            subscriber.mounted();
            KernfsMount[] more = Arrays.copyOf(mounts, mounts.length + 1);
            more[mounts.length] = mount;
            mounts = more;
        } finally {
            supers.unlockWriting();
        }
        return mount;
    }

    void unmount(KernfsMount mount) {
        supers.lockForWriting();
        try {
            mounts = Arrays.stream(mounts).filter(other -> other != mount).toArray(KernfsMount[]::new);
        } finally {
            supers.unlockWriting();
        }
    }

    /** Called by notifiers on any thread. */
    void announce(KernfsNode node) {
        if ((wakesPollers || mounts.length > 0) && list.push(node)) {
            queue.queue(item);
        }
    }

    /** How many nodes wait to be told of, or more than the limit; for who is being told. W. */
    int waiting(int limit) {
        int waiting = list.length(limit);
        for (KernfsNode node = batch; node != null && node != NotifyList.END && waiting <= limit; node = node.link) {
            waiting++;
        }
        return waiting;
    }

    private void run() {
        if (batch == NotifyList.END) {
            batch = list.takeAll();
        }
        while (batch != NotifyList.END) {
            KernfsNode node = batch;
            batch = NotifyList.release(node);
            tell(node);
        }
    }

    private void tell(KernfsNode node) {
        if (wakesPollers && node instanceof KernfsAttribute attribute) {
            attribute.wakePollers();
        }
        supers.lockForReading();
        try {
            KernfsMount[] present = mounts;
            for (int i = 0; i < present.length; i++) {
                try {
                    present[i].tell(node);
                } catch (RuntimeException | Error fault) {
                    faults.getAndIncrement();
                }
            }
        } finally {
            supers.unlockReading();
        }
    }
}
