package redoubt.block;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import redoubt.base.Heartbeat;
import redoubt.base.ReclaimSafe;
import redoubt.base.Threads;

/**
 * A lane of threads that each make one blocking call at a time. It works wherever Java does.
 *
 * <p>{@code idle} has a bit for each thread that sleeps or is about to. A thread sets its bit, looks at the queue once more, and only
 * then parks; a submitter puts its request in, and then wakes one of those whose bit it could clear. Should a wake-up be lost all the
 * same, it costs {@link #SLEEP_LIMIT_NANOS} (docs/CONCURRENCY.md, rule 10).
 */
final class ThreadLane extends Lane {

    private static final long SLEEP_LIMIT_NANOS = 100_000_000L;

    /** What the threads do. */
    interface Work {
        /**
         * Carries one request to the operating system; may take for ever.
         *
         * @param thread which of the lane's threads this is
         * @param call says between two system calls whether anybody still waits
         */
        IoStatus perform(int thread, IoRequest request, Call call);

        /** This thread ends, and lets go of what is its own. */
        void leave(int thread);

        /** The last thread has ended. */
        void leaveLast();
    }

    private final Work work;
    private final @Nullable Thread[] threads;
    private final AtomicLong idle = new AtomicLong();

    /**
     * Makes the lane and starts its threads.
     *
     * @param threadCount 1 to 64
     * @throws OutOfMemoryError if there are not so many threads to be had
     */
    ThreadLane(String name, Work work, int threadCount, long limitNanos, int queueCapacity, Heartbeat heartbeat) {
        super(limitNanos, queueCapacity, threadCount, threadCount, heartbeat);
        if (threadCount < 1 || threadCount > Long.SIZE) {
            throw new IllegalArgumentException("a lane cannot have " + threadCount + " threads");
        }
        this.work = work;
        this.threads = new Thread[threadCount];
        int started = 0;
        try {
            for (; started < threadCount; started++) {
                int thread = started;
                threads[thread] = Threads.start(name + "-" + thread, () -> run(thread));
            }
        } finally {
            if (started < threadCount) {
                close();
                for (int missing = started; missing < threadCount; missing++) {
                    leave(missing);
                }
            }
        }
        startBeat();
    }

    private void run(int thread) {
        long bit = 1L << thread;
        while (true) {
            IoRequest request = queue.take();
            if (request == null) {
                if (!open()) {
                    break;
                }
                request = sleep(bit);
            }
            if (request != null) {
                carry(thread, request);
            }
        }
        leave(thread);
    }

    @ReclaimSafe
    private @Nullable IoRequest sleep(long bit) {
        setIdle(bit);
        IoRequest request = queue.take();
        if (request == null && open()) {
            LockSupport.parkNanos(this, SLEEP_LIMIT_NANOS);
        }
        clearIdle(bit);
        return request;
    }

    @ReclaimSafe
    private void carry(int thread, IoRequest request) {
        Call call = calls[thread];
        if (!begin(call, request)) {
            return;
        }
        IoStatus status = IoStatus.GONE;
        if (!abandoned()) {
            try {
                status = work.perform(thread, request, call);
            } catch (RuntimeException | Error fault) {
                fault(fault);
                status = IoStatus.IO_ERROR;
            }
        }
        end(call, request, status);
    }

    private void leave(int thread) {
        try {
            work.leave(thread);
        } catch (RuntimeException | Error fault) {
            fault(fault);
        }
        threadLeft();
    }

    @Override
    void release() {
        work.leaveLast();
    }

    @Override
    void wake() {
        while (true) {
            long seen = idle.get();
            if (seen == 0) {
                return;
            }
            long bit = Long.lowestOneBit(seen);
            if (idle.compareAndSet(seen, seen & ~bit)) {
                LockSupport.unpark(threads[Long.numberOfTrailingZeros(bit)]);
                return;
            }
        }
    }

    @Override
    void wakeAll() {
        for (Thread thread : threads) {
            LockSupport.unpark(thread);
        }
    }

    private void setIdle(long bit) {
        long seen = idle.get();
        while (!idle.compareAndSet(seen, seen | bit)) {
            seen = idle.get();
        }
    }

    private void clearIdle(long bit) {
        long seen = idle.get();
        while ((seen & bit) != 0 && !idle.compareAndSet(seen, seen & ~bit)) {
            seen = idle.get();
        }
    }
}
