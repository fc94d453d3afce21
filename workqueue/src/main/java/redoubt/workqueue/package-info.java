/**
 * Work items and the queues that run them; a queue that serves memory reclaim has its own context from the start.
 *
 * <p><b>When to use it.</b> Where work must go on when no thread can be had, because somebody waits for it who holds memory or threads: an
 * executor of the JDK throws or stands still then, and a queue with {@link WorkqueueFlag#MEM_RECLAIM} goes on, with one item at a time. {@link
 * Workqueue#orderedMemReclaim} is for what is done in order, a bound queue for short work and for what says when it blocks, an unbound one for what
 * computes long. For a task that returns a value and may fail to start, an executor of the JDK is simpler, and right. It costs no more: one item at a
 * time, an asker who parks until it is done waits 25 us for an ordered queue and 36 to 46 us for the others, 44 us for a fixed pool of one thread and
 * 107 us for a virtual thread (medians on a busy machine of two processors; {@code docs/WORKQUEUE.md} has them all, and the choice in a table).
 *
 * <p><b>The people.</b> A {@link WorkItem} is something to be done; a {@link DelayedWork} is one with a timer ({@code Timers}). A {@link
 * Workqueue} takes items and says how many may be active; at the joint of a queue and a pool is a {@code PoolWorkqueue}, which counts them
 * ({@code ActiveLimit}). A {@code WorkerPool} has a worklist and {@code PoolWorker}s; when the last idle one is about to work, it first
 * makes another and is the {@code Manager} while it tries. If that takes long, the pool calls for help, and every queue with a {@code
 * Rescuer} has its items run by it. {@code Flusher} waits by colours, {@code Barrier} for one item, {@code Watchdog} looks for pools that
 * stand still, {@link WaitGraph} for circles in what queues wait for, and {@link WorkqueueView} is a picture of it all. {@link Workqueues}
 * holds the pools and the system queues together.
 *
 * <p><b>Field letters.</b> P: under the lock of the pool; F: under the lock of the queue's flusher; L: under the lock of the active limit;
 * M: under the lock of the rescuer's list; T: under the lock of the timers; A: any thread, atomically; V: published by one thread, read by
 * all; W: touched by one worker only; none: final.
 *
 * <p><b>Locks</b> are all {@code ShortLock}s: held for a few list operations, never across a wait, an allocation of a thread or an item's
 * function. Order: F before P before L and before M; T is taken alone. Two pools are never locked at once: what one pool has to do in
 * another it notes, and does when its own lock is free ({@code WorkerPool.unlock}).
 *
 * <p><b>Queueing waits for no lock.</b> {@link Workqueue#queue} pushes the item on the pool's stack of arrivals. Whoever holds the pool's
 * lock takes the arrivals over before anything else and looks for more after letting go; an asker takes the lock only if it is free. In a
 * pool that is a queue's own, askers never take it: an asker that loses its processor inside would hold up the one context that a write
 * waits for.
 */
package redoubt.workqueue;
