package redoubt.workqueue;

import org.jspecify.annotations.Nullable;
import redoubt.base.ReclaimSafe;

/**
 * The worker that a queue with MEM_RECLAIM has from the start. When a pool cannot make a worker, it goes there and runs this queue's items,
 * one after another: one context, whatever the queue's limit is. An item that waits for another item of its queue is therefore stuck here,
 * and so is everything behind it.
 *
 * <p>It takes one item at a time and leaves a {@link Cursor} in the worklist, so that the next look goes on from there; after more than
 * {@link #BATCH} items it turns to the next pool that has called, if there is one. {@link RescueOrder#ALL_AT_ONCE} is how it was before.
 * Called joints are linked through themselves, each at most once (M). It is made, started and rehearsed before the queue exists.
 */
final class Rescuer {

    static final int BATCH = 16;

    /** Marks in a worklist where the rescuer was; a regular worker that meets it takes it out. */
    static final class Cursor extends WorkItem {
        Cursor() {
            super(() -> {});
        }
    }

    private final RescueOrder order;
    private final ShortLock lock = new ShortLock();
    private @Nullable PoolWorkqueue firstCalling; // M
    private @Nullable PoolWorkqueue lastCalling; // M
    private @Nullable PoolWorkqueue serving; // W
    private int batch; // W
    private final PoolWorker hands;
    private volatile long rescued; // written by the rescuer
    private long wakes; // M

    /**
     * Makes and rehearses it.
     *
     * @throws OutOfMemoryError if there is no thread to give
     * @throws IllegalStateException if it does not run an item within {@link Machine#REHEARSAL_LIMIT_NANOS}
     */
    Rescuer(String name, RescueOrder order, Machine machine) {
        this.order = order;
        WorkerPool nowhere = new WorkerPool(name + "-rehearsal", -1, 0, false, machine);
        hands = new PoolWorker(nowhere, true);
        hands.attach(machine.workers().start(name, this::step));
    }

    /** A pool without workers calls for help; the rescuer must come. */
    void rehearse(Workqueue queue, Machine machine) {
        WorkerPool stage = new WorkerPool(queue.name() + "-rehearsal", -1, 0, false, machine);
        PoolWorkqueue pwq = new PoolWorkqueue(queue, stage, new ActiveLimit(1, 1, 1), 0, false);
        Completion ran = new Completion();
        WorkItem item = new WorkItem(ran::complete);
        if (item.claim()) {
            item.pwq = pwq;
            stage.arrive(item);
        }
        stage.manager.callForHelp();
        Rehearsal.await(ran, queue.name(), machine);
        rescued = 0;
        lock.acquire();
        wakes = 0;
        lock.release();
    }

    /** A joint has items in the worklist of a pool that gets no worker. P of that pool. */
    void call(PoolWorkqueue pwq) {
        if (enlist(pwq)) {
            hands.wake();
        }
    }

    private boolean enlist(PoolWorkqueue pwq) {
        lock.acquire();
        boolean fresh = !pwq.inDistress;
        if (fresh) {
            assert pwq.nextInDistress == null : "INV-5d: a joint calls for help twice";
            pwq.inDistress = true;
            wakes++;
            if (lastCalling == null) {
                firstCalling = pwq;
            } else {
                lastCalling.nextInDistress = pwq;
            }
            lastCalling = pwq;
        }
        lock.release();
        return fresh;
    }

    private @Nullable PoolWorkqueue nextCalling() {
        lock.acquire();
        PoolWorkqueue pwq = firstCalling;
        if (pwq != null) {
            firstCalling = pwq.nextInDistress;
            if (firstCalling == null) {
                lastCalling = null;
            }
            pwq.nextInDistress = null;
            pwq.inDistress = false;
        }
        lock.release();
        return pwq;
    }

    private boolean othersCall() {
        lock.acquire();
        boolean others = firstCalling != null;
        lock.release();
        return others;
    }

    @ReclaimSafe
    private boolean step() {
        PoolWorkqueue pwq = serving;
        if (pwq == null) {
            pwq = nextCalling();
            if (pwq == null) {
                return false;
            }
            serving = pwq;
            batch = 0;
            hands.help(pwq.pool);
        }
        pwq.pool.lock();
        boolean more = order == RescueOrder.ONE_BY_ONE ? rescueOne(pwq) : rescueAll(pwq);
        if (!more) {
            if (pwq.cursor.list != null) {
                pwq.cursor.list.remove(pwq.cursor);
            }
            pwq.pool.kick(); // INV-5c: a regular worker may go on from here
            serving = null;
        }
        pwq.pool.unlock();
        hands.throwFault();
        return true;
    }

    /** Whether there may be another one. */
    private boolean rescueOne(PoolWorkqueue pwq) {
        if (!take(pwq)) {
            return false;
        }
        run();
        if (++batch > BATCH && othersCall() && pwq.active > 0 && pwq.pool.needToCreateWorker()) {
            enlist(pwq);
            return false;
        }
        return true;
    }

    private boolean rescueAll(PoolWorkqueue pwq) {
        WorkItem item = pwq.pool.worklist.first();
        while (item != null) {
            WorkItem following = following(item);
            if (item.pwq == pwq) {
                pwq.pool.assign(item, hands);
            }
            item = following;
        }
        if (!hands.scheduled.isEmpty()) {
            run();
            if (pwq.active > 0 && pwq.pool.needToCreateWorker()) {
                enlist(pwq);
            }
        }
        return false;
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // written by the rescuer only
    private void run() {
        hands.runScheduled();
        rescued++;
    }

    /** Takes the next item of this joint, with its barriers. P. */
    private boolean take(PoolWorkqueue pwq) {
        WorkerPool pool = pwq.pool;
        if (pwq.isIdle()) {
            return false; // not "none active": a barrier whose item was cancelled must be run too
        }
        // A manager that is still at it says that the pressure is still on: go on helping unless another pool waits.
        if (!pool.needToCreateWorker() && !(pool.manager.isActive() && !othersCall())) {
            return false;
        }
        Cursor cursor = pwq.cursor;
        WorkItem item = pool.worklist.first();
        if (cursor.list != null) {
            item = cursor.next;
            pool.worklist.remove(cursor);
        }
        while (item != null) {
            WorkItem following = following(item);
            if (item.pwq == pwq && pool.assign(item, hands)) {
                assert hands.scheduled.first() != null : "INV-5b: a rescuer has only what it took from its own queue";
                if (following != null) {
                    pool.worklist.insertAfter(following.previous, cursor);
                }
                return true;
            }
            item = following;
        }
        return false;
    }

    /** What comes after an item and its barriers. */
    private static @Nullable WorkItem following(WorkItem from) {
        WorkItem item = from;
        while (item.linked && item.next != null) {
            item = item.next;
        }
        return item.next;
    }

    long rescued() {
        return rescued;
    }

    /** How often it was woken because a joint called. */
    long wakes() {
        lock.acquire();
        long count = wakes;
        lock.release();
        return count;
    }

    /** It ends after the item it is at. */
    void close() {
        hands.dismiss();
    }
}
