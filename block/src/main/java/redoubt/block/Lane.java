package redoubt.block;

import java.lang.invoke.VarHandle;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import redoubt.base.AwakeTime;
import redoubt.base.Beat;
import redoubt.base.Heartbeat;
import redoubt.base.ReclaimSafe;

/**
 * The way to one member: requests go in without waiting, and are carried to the operating system by threads that belong to this lane
 * alone. What may hang, hangs here.
 *
 * <p><b>A hung lane is abandoned.</b> When a request is older than the limit, in {@link AwakeTime}, the beat settles everything the lane has: what is with
 * the operating system {@link IoStatus#TIMED_OUT}, with its memory in quarantine, and what waits {@link IoStatus#GONE}. From then on
 * the lane takes nothing. Its threads are not interrupted and their descriptors not closed from outside, for both hang with the
 * call (measured on a frozen file system); each thread ends, and closes what is its own, when its call comes back, if it ever does.
 *
 * <p><b>State and order.</b> {@code state} only rises: OPEN, CLOSED, ABANDONED. There is no lock. Two pairs of store-then-look make
 * it safe, each with a full fence between:
 *
 * <ul>
 *   <li>the submitter puts a request in and then looks at the state; whoever ends the lane raises the state and then empties the
 *       queue: one of them takes the request out;
 *   <li>a lane's thread begins its {@link Call} and then looks at the state; the beat raises the state and then expires the calls: one
 *       of them ends the request.
 * </ul>
 */
abstract class Lane {

    static final int OPEN = 0;
    static final int CLOSED = 1;
    static final int ABANDONED = 2;

    private final long limitNanos;
    private final Heartbeat heartbeat;
    private final AwakeTime time;
    private final Beat beat = this::beat;
    private final AtomicInteger state = new AtomicInteger(OPEN);
    private final AtomicLong faults = new AtomicLong();
    private final AtomicInteger threadsInside;
    private final CountDownLatch emptied = new CountDownLatch(1);
    private volatile Runnable whenHung = Lane::nobodyListens;

    private volatile @Nullable Lane twin;

    final RequestQueue queue;
    final Call[] calls;

    /**
     * Makes a lane without its threads.
     *
     * @param limitNanos the age at which a request is given up; 0 for never
     * @param queueCapacity size of the ring, a power of two
     * @param callCount how many requests can be with the operating system at a time
     * @param threadCount how many threads will say {@link #threadLeft}
     */
    Lane(long limitNanos, int queueCapacity, int callCount, int threadCount, Heartbeat heartbeat) {
        this.limitNanos = limitNanos;
        this.heartbeat = heartbeat;
        this.time = new AwakeTime(heartbeat.clock(), limitNanos);
        this.queue = new RequestQueue(queueCapacity);
        this.calls = new Call[callCount];
        for (int i = 0; i < callCount; i++) {
            calls[i] = new Call();
        }
        this.threadsInside = new AtomicInteger(threadCount);
    }

    private static void nobodyListens() {}

    /** Makes a thread look at the queue; called after something was put in. Allocates nothing, waits for nothing. */
    abstract void wake();

    /** Makes every thread look at the state. */
    abstract void wakeAll();

    /** Lets go of what the threads shared, on the thread that left last. */
    abstract void release();

    /** To be called once, when the threads are there. */
    final void startBeat() {
        if (limitNanos > 0) {
            heartbeat.register(beat);
        }
    }

    /** Names the one who is told, on the heartbeat's thread, that the lane was abandoned. It must not block. */
    final void whenHung(Runnable listener) {
        whenHung = listener;
    }

    /** Names another lane to the same disk: when one is abandoned, so is the other. */
    final void twinned(Lane other) {
        twin = other;
        other.twin = this;
    }

    /** Takes a request in, or settles it {@link IoStatus#GONE}. */
    final void submit(IoRequest request) {
        if (state.get() != OPEN) {
            complete(request, IoStatus.GONE);
            return;
        }
        request.acceptedNanos = time.nanos();
        queue.put(request);
        VarHandle.fullFence();
        if (state.get() == OPEN) {
            wake();
        } else {
            settleQueued();
        }
    }

    final boolean open() {
        return state.get() == OPEN;
    }

    final boolean abandoned() {
        return state.get() == ABANDONED;
    }

    /** How often a completion threw, or a call failed in a way nobody foresaw; anything but 0 is a bug. */
    final long faults() {
        return faults.get();
    }

    /** Whether something runs that nobody waits for any more. */
    final boolean holdsQuarantine() {
        return abandoned() && emptied.getCount() != 0;
    }

    /**
     * Settles what waits {@link IoStatus#GONE} and lets the threads go when they have ended what they are at. Waits for nothing; the
     * time limit still holds for the calls that run.
     */
    final void close() {
        if (state.compareAndSet(OPEN, CLOSED)) {
            settleQueued();
            wakeAll();
        }
    }

    /** Waits until the last thread has gone, but not longer than this; answers whether it has. */
    final boolean awaitReleased(long nanos) throws InterruptedException {
        return emptied.await(nanos, TimeUnit.NANOSECONDS);
    }

    /** A thread of the lane ends. */
    final void threadLeft() {
        if (threadsInside.decrementAndGet() == 0) {
            heartbeat.unregister(beat);
            release();
            emptied.countDown();
        }
    }

    /**
     * Begins a call, unless the lane was abandoned: then the request is settled here. A call that was expired keeps its mark for ever, so
     * it must not begin once more; the state is raised before the mark is set, hence whoever could meet the mark sees the state.
     *
     * @return whether the call began; its thread then looks at the state once more
     */
    final boolean begin(Call call, IoRequest request) {
        if (abandoned()) {
            complete(request, IoStatus.GONE);
            return false;
        }
        call.begin(request);
        return true;
    }

    /** Ends a call: completes its request, or lets go of it if it was given up meanwhile. */
    final void end(Call call, IoRequest request, IoStatus status) {
        if (call.end()) {
            complete(request, status);
        } else {
            request.abandon();
        }
    }

    /** Completes a request; a completion that throws must not end the thread that carries everybody's requests. */
    final void complete(IoRequest request, IoStatus status) {
        try {
            request.complete(status);
        } catch (RuntimeException | Error fault) {
            fault(fault);
        }
    }

    final void fault(Throwable fault) {
        if (faults.getAndIncrement() == 0) {
            Thread current = Thread.currentThread();
            current.getUncaughtExceptionHandler().uncaughtException(current, fault);
        }
    }

    @ReclaimSafe
    private void beat(long roundNanos) {
        if (abandoned()) {
            heartbeat.unregister(beat);
            return;
        }
        time.beat();
        if (tooOld(time.nanos())) {
            abandon();
        }
    }

    private boolean tooOld(long nowNanos) {
        for (Call call : calls) {
            if (call.olderThan(limitNanos, nowNanos)) {
                return true;
            }
        }
        return nowNanos - queue.oldestNanos(nowNanos) >= limitNanos;
    }

    private void abandon() {
        if (state.getAndSet(ABANDONED) == ABANDONED) {
            return;
        }
        try {
            whenHung.run();
        } catch (RuntimeException | Error fault) {
            fault(fault);
        }
        for (Call call : calls) {
            IoRequest hung = call.expire();
            if (hung != null) {
                try {
                    hung.settle(IoStatus.TIMED_OUT);
                } catch (RuntimeException | Error fault) {
                    fault(fault);
                }
            }
        }
        settleQueued();
        wakeAll();
        Lane other = twin;
        if (other != null) {
            other.abandon();
        }
    }

    private void settleQueued() {
        for (@Nullable IoRequest waiting = queue.take(); waiting != null; waiting = queue.take()) {
            complete(waiting, IoStatus.GONE);
        }
    }
}
