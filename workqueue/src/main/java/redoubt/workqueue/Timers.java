package redoubt.workqueue;

import org.jspecify.annotations.Nullable;

/**
 * Delayed work that waits for its time, in a wheel of {@link #SLOTS} lists, each {@link #TICK_NANOS} wide. Adding and taking away allocate
 * nothing; a beat looks into the slots that have passed since the last one. Everything is T.
 */
final class Timers {

    private static final int SLOTS = 256;
    private static final long TICK_NANOS = 4_000_000L;

    private final ShortLock lock = new ShortLock();
    private final @Nullable DelayedWork[] wheel = new @Nullable DelayedWork[SLOTS]; // T
    private long lastTick; // T
    private int waiting; // T

    Timers(long nowNanos) {
        lastTick = Math.floorDiv(nowNanos, TICK_NANOS);
    }

    /** Takes an item whose PENDING the caller owns. */
    void add(DelayedWork item, long dueNanos) {
        item.on(this);
        lock.acquire();
        assert !item.ticking : "INV-1: an item is on a timer twice";
        item.dueNanos = dueNanos;
        item.ticking = true;
        // A slot that this beat has passed already is looked into again by the next one.
        int slot = slot(Math.max(Math.floorDiv(dueNanos, TICK_NANOS), lastTick));
        item.slot = slot;
        DelayedWork first = wheel[slot];
        item.nextTimer = first;
        item.previousTimer = null;
        if (first != null) {
            first.previousTimer = item;
        }
        wheel[slot] = item;
        waiting++;
        lock.release();
    }

    /** Takes an item off; whether it was on, and the caller now owns PENDING. */
    boolean remove(DelayedWork item) {
        lock.acquire();
        boolean was = item.ticking;
        if (was) {
            unlink(item);
        }
        lock.release();
        return was;
    }

    boolean has(DelayedWork item) {
        lock.acquire();
        boolean on = item.ticking;
        lock.release();
        return on;
    }

    private void unlink(DelayedWork item) {
        DelayedWork before = item.previousTimer;
        DelayedWork after = item.nextTimer;
        if (before == null) {
            wheel[item.slot] = after;
        } else {
            before.nextTimer = after;
        }
        if (after != null) {
            after.previousTimer = before;
        }
        item.nextTimer = null;
        item.previousTimer = null;
        item.ticking = false;
        waiting--;
    }

    /** Queues what is due, each in its turn. */
    void beat(long nowNanos) {
        DelayedWork due;
        while ((due = takeDue(nowNanos)) != null) {
            Workqueue queue = due.queue;
            if (queue != null) {
                queue.insertClaimed(due);
            }
        }
    }

    private @Nullable DelayedWork takeDue(long nowNanos) {
        long tick = Math.floorDiv(nowNanos, TICK_NANOS);
        lock.acquire();
        DelayedWork earliest = null;
        if (waiting > 0) {
            long from = Math.max(lastTick, tick - SLOTS + 1);
            for (long at = from; at <= tick; at++) {
                for (DelayedWork one = wheel[slot(at)]; one != null; one = one.nextTimer) {
                    if (one.dueNanos - nowNanos <= 0 && (earliest == null || one.dueNanos - earliest.dueNanos < 0)) {
                        earliest = one;
                    }
                }
            }
        }
        if (earliest == null) {
            lastTick = Math.max(lastTick, tick);
        } else {
            unlink(earliest);
        }
        lock.release();
        return earliest;
    }

    private static int slot(long tick) {
        return (int) Math.floorMod(tick, (long) SLOTS);
    }
}
