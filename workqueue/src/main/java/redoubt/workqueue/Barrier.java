package redoubt.workqueue;

import java.util.concurrent.TimeoutException;

/**
 * An item that is put right behind another and tells a waiter that the other is over. It travels with the item it waits for, is counted
 * with that item's colour, so that a flush of the queue waits for it too, and holds no active slot. It cannot be cancelled.
 */
final class Barrier extends WorkItem {

    private final Completion over;

    Barrier() {
        this(new Completion());
    }

    private Barrier(Completion over) {
        super(over::complete);
        this.over = over;
        claim();
        inactive = true;
    }

    void await(Machine machine, long limitNanos) throws InterruptedException, TimeoutException {
        if (!over.await(machine, limitNanos)) {
            throw new TimeoutException("an item was not over after " + limitNanos / 1_000_000 + " ms");
        }
    }
}
