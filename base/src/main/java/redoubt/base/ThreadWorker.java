package redoubt.base;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * A worker with a thread of its own. It sleeps at most {@link #SLEEP_LIMIT_NANOS} before it looks again, so that a lost wake-up costs
 * that much and no more (docs/CONCURRENCY.md, rule 10). A step that throws is counted, and the worker goes on.
 */
final class ThreadWorker implements Worker {

    private static final long SLEEP_LIMIT_NANOS = 100_000_000L;

    private final Step step;
    private final Thread thread;
    private final AtomicLong faults = new AtomicLong();
    private volatile boolean woken;
    private volatile boolean closed;

    ThreadWorker(String name, Step step) {
        this.step = step;
        this.thread = Threads.start(name, this::run);
    }

    private void run() {
        while (!closed) {
            woken = false;
            boolean more = false;
            try {
                more = step.run();
            } catch (RuntimeException | Error fault) {
                if (faults.getAndIncrement() == 0) {
                    Thread.currentThread()
                            .getUncaughtExceptionHandler()
                            .uncaughtException(Thread.currentThread(), fault);
                }
            }
            if (!more && !woken && !closed) {
                LockSupport.parkNanos(this, SLEEP_LIMIT_NANOS);
            }
        }
    }

    @Override
    public void wake() {
        woken = true;
        LockSupport.unpark(thread);
    }

    @Override
    public boolean isCurrent() {
        return Thread.currentThread() == thread;
    }

    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
    }
}
