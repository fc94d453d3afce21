package redoubt.workqueue;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;

/**
 * Waits for everything that was queued before, and for nothing that comes after. Items carry one of sixteen colours. A flush takes the
 * colour of the moment for itself and has later items take the next one. One colour at a time is waited for: every joint that has items of it
 * in flight is armed and tells when the last is over; then all flushes of that colour are done and the next colour's turn comes. When no
 * colour is free, flushes wait outside; the first that is freed they share.
 *
 * <p>Whoever finishes the last item of a colour goes on with the next one, after it has let go of its pool. No waiter is needed for
 * that, so one that gives up, because its limit is over, holds up nobody. Everything is F, but for the count of armed joints (A).
 */
final class Flusher {

    /** One flush. */
    private static final class Flush {
        final Completion over = new Completion();
        int colour;
    }

    private final Workqueue queue;
    private final ShortLock lock = new ShortLock();
    private final AtomicInteger armed = new AtomicInteger(); // A
    private final Deque<Flush> waiting = new ArrayDeque<>(); // F: in the order of their colours
    private final Deque<Flush> outside = new ArrayDeque<>(); // F: no colour was free
    private int workColour; // F: what joints give to new items
    private int flushColour; // F: what is, or will next be, waited for
    private boolean underWay; // F
    private final Runnable advance = this::advance;

    Flusher(Workqueue queue) {
        this.queue = queue;
    }

    /** Begins a flush; what it gives is complete when it is over. */
    Completion begin() {
        Flush flush = new Flush();
        lock.acquire();
        try {
            int next = after(workColour);
            if (next == flushColour) {
                outside.addLast(flush);
            } else {
                flush.colour = workColour;
                workColour = next;
                waiting.addLast(flush);
                if (underWay) {
                    colourAll(workColour);
                } else {
                    underWay = true;
                    if (armAll(workColour)) {
                        settle();
                    }
                }
            }
        } finally {
            lock.release();
        }
        return flush.over;
    }

    /** The last item of the armed colour of one joint is over. P of that pool. */
    void colourDone(WorkerPool pool) {
        if (armed.decrementAndGet() == 0) {
            pool.defer(advance);
        }
    }

    private void advance() {
        lock.acquire();
        try {
            settle();
        } finally {
            lock.release();
        }
    }

    /** The colour waited for is done: tells its flushes, and goes on until one has items in flight. F. */
    private void settle() {
        do {
            Flush first;
            while ((first = waiting.peekFirst()) != null && first.colour == flushColour) {
                waiting.removeFirst();
                first.over.complete();
            }
            flushColour = after(flushColour);
            if (!outside.isEmpty()) {
                Flush late;
                while ((late = outside.pollFirst()) != null) {
                    late.colour = workColour;
                    waiting.addLast(late);
                }
                workColour = after(workColour);
                colourAll(workColour);
            }
            if (waiting.isEmpty()) {
                underWay = false;
                assert flushColour == workColour : "INV-7c: a colour is left that nobody waits for";
                return;
            }
        } while (armAll(PoolWorkqueue.NO_COLOUR));
    }

    /** Has every joint give this colour to what comes. F. */
    private void colourAll(int colour) {
        for (PoolWorkqueue pwq : queue.joints()) {
            pwq.pool.lock();
            pwq.colour(colour);
            pwq.pool.unlock();
        }
    }

    /**
     * Arms every joint that has items of the flush colour.
     *
     * @param newColour what they give to new items from now on, or NO_COLOUR
     * @return whether there is nothing to wait for
     */
    private boolean armAll(int newColour) {
        armed.set(1); // so that it does not get to 0 before all are armed
        for (PoolWorkqueue pwq : queue.joints()) {
            pwq.pool.lock();
            if (pwq.arm(flushColour)) {
                armed.incrementAndGet();
            }
            if (newColour != PoolWorkqueue.NO_COLOUR) {
                pwq.colour(newColour);
            }
            pwq.pool.unlock();
        }
        return armed.decrementAndGet() == 0;
    }

    private static int after(int colour) {
        return (colour + 1) % PoolWorkqueue.COLOURS;
    }

    /** Runs while no flush can begin; gives the colour that new items have. Used to put a new joint in place. */
    void exclusively(IntConsumer action) {
        lock.acquire();
        try {
            action.accept(workColour);
        } finally {
            lock.release();
        }
    }

    /** How many flushes have not ended. */
    int open() {
        lock.acquire();
        int open = waiting.size() + outside.size();
        lock.release();
        return open;
    }
}
