package redoubt.workqueue;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The joint of one queue and one pool. Counts the queue's items in this pool by colour, keeps those that found no active slot, and knows
 * whether it has called the rescuer. All under the lock of the pool, but for what the rescuer and the limit keep in it.
 *
 * <p>When a queue changes its attributes, a new joint with another pool takes the place of this one, which is then retired: what is here is
 * done here, and the successor is plugged until nothing is left. From that moment this one is dead, and who still comes here is sent on.
 */
final class PoolWorkqueue {

    static final int COLOURS = 16;
    static final int NO_COLOUR = -1;

    final Workqueue queue;
    final WorkerPool pool;
    final ActiveLimit limit;

    final ItemList inactive = new ItemList(); // P
    private final int[] inFlight = new int[COLOURS]; // P
    private int inFlightTotal; // P
    private int workColour; // P
    private int flushColour = NO_COLOUR; // P
    int active; // P
    private boolean plugged; // P
    private @Nullable PoolWorkqueue successor; // P: set when this is retired
    private boolean dead; // P

    boolean inLine; // L
    boolean inDistress; // M: is in the rescuer's list

    @Nullable
    PoolWorkqueue nextInDistress; // M

    final Rescuer.Cursor cursor = new Rescuer.Cursor(); // P

    private final Runnable takeSlot = this::takeSlot;
    private final Runnable unplug = this::unplug;

    PoolWorkqueue(Workqueue queue, WorkerPool pool, ActiveLimit limit, int workColour, boolean plugged) {
        this.queue = queue;
        this.pool = pool;
        this.limit = limit;
        this.workColour = workColour;
        this.plugged = plugged;
    }

    /** An item has arrived: makes it runnable if it may be active, or keeps it. P. */
    void insert(WorkItem item) {
        PoolWorkqueue heir = successor;
        if (dead && heir != null) {
            sendOn(item, heir);
            return;
        }
        item.colour = workColour;
        count(workColour);
        if (!plugged && inactive.isEmpty() && limit.obtain(this)) {
            item.inactive = false;
            active++;
            pool.append(item);
        } else {
            item.inactive = true;
            inactive.append(item);
            assert pool.holdsBack(this);
        }
    }

    /** The queue has changed its pool meanwhile. P. */
    private void sendOn(WorkItem item, PoolWorkqueue heir) {
        item.pwq = heir;
        pool.defer(() -> heir.pool.arrive(item));
    }

    private void count(int colour) {
        inFlight[colour]++;
        inFlightTotal++;
    }

    /** Puts a barrier behind an item that is in a list here, or first in the list of the worker that runs it. P. */
    void insertBarrier(Barrier barrier, WorkItem target, @Nullable PoolWorker runs) {
        barrier.pwq = this;
        if (runs != null) {
            barrier.colour = runs.currentColour;
            runs.scheduled.insertAfter(null, barrier);
        } else {
            ItemList at = Objects.requireNonNull(target.list);
            barrier.colour = target.colour;
            barrier.linked = target.linked;
            target.linked = true;
            at.insertAfter(target, barrier);
        }
        count(barrier.colour);
    }

    /** A slot was reserved for this joint: activates its first inactive item, or gives the slot back. P. */
    void useReservedSlot() {
        WorkItem first = plugged ? null : inactive.first();
        if (first == null) {
            limit.release();
            return;
        }
        first.inactive = false;
        active++;
        pool.moveToWorklist(inactive, first);
        if (!inactive.isEmpty()) {
            limit.enlist(this);
        }
    }

    /** The same from outside. No lock is held. */
    void takeSlot() {
        pool.lock();
        useReservedSlot();
        pool.kick();
        pool.unlock();
    }

    /** An item is over, or was cancelled. P. */
    void finished(int colour, boolean wasInactive) {
        if (!wasInactive) {
            active--;
            assert active >= 0 : "INV-6: more items are over than were active";
            limit.release();
            PoolWorkqueue next = limit.next();
            if (next == this) {
                useReservedSlot();
            } else if (next != null) {
                pool.defer(next.takeSlot);
            }
        }
        inFlight[colour]--;
        inFlightTotal--;
        assert inFlight[colour] >= 0 : "more items of a colour are over than were in flight";
        if (flushColour == colour && inFlight[colour] == 0) {
            flushColour = NO_COLOUR;
            queue.flusher.colourDone(pool);
        }
        dieIfDone();
    }

    /** Arms the joint for a flush. P. @return whether it has items of that colour */
    boolean arm(int colour) {
        assert flushColour == NO_COLOUR : "one colour is flushed at a time";
        if (inFlight[colour] == 0) {
            return false;
        }
        flushColour = colour;
        return true;
    }

    /** From now on items have this colour. P. */
    void colour(int colour) {
        workColour = colour;
    }

    /** The new joint takes what comes from now on. P. */
    void retire(PoolWorkqueue heir) {
        successor = heir;
        dieIfDone();
    }

    private void dieIfDone() {
        PoolWorkqueue heir = successor;
        if (heir != null && !dead && !plugged && inFlightTotal == 0) {
            dead = true;
            pool.defer(heir.unplug);
        }
    }

    private void unplug() {
        pool.lock();
        plugged = false;
        boolean waiting = !inactive.isEmpty();
        dieIfDone();
        pool.unlock();
        if (waiting) {
            limit.enlist(this);
            limit.handOut();
        }
    }

    WorkqueueView.JointView view() {
        pool.lock();
        WorkqueueView.JointView view =
                new WorkqueueView.JointView(pool.name, active, inactive.size(), inFlightTotal, successor != null);
        pool.unlock();
        return view;
    }

    /** Whether nothing is queued or running here. P. */
    boolean isIdle() {
        return inFlightTotal == 0;
    }

    boolean isDead() {
        return dead;
    }
}
