package redoubt.nbd;

import java.util.ArrayDeque;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import redoubt.base.Threads;
import redoubt.block.BlockLimits;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;

/** A device that answers on a thread of its own, and only what it is let answer. */
final class HoldingExport extends MemoryExport {

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final ArrayDeque<IoRequest> held = new ArrayDeque<>();
    private final Thread thread;
    private long permits;
    private boolean answering;
    private boolean closed;

    HoldingExport(long sizeBytes, long permits) {
        this(new BlockLimits(sizeBytes, 512, 4096, 1 << 20, false, true, true, false), permits);
    }

    HoldingExport(BlockLimits limits, long permits) {
        super(limits);
        this.permits = permits;
        this.thread = Threads.start("holding-export", this::run);
    }

    @Override
    public void submit(IoRequest request) {
        lock.lock();
        try {
            held.add(request);
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Lets so many more requests be answered. */
    void release(long more) {
        lock.lock();
        try {
            permits += more;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** From now on nothing is answered. */
    void hold() {
        lock.lock();
        try {
            permits = 0;
        } finally {
            lock.unlock();
        }
    }

    int held() {
        lock.lock();
        try {
            return held.size();
        } finally {
            lock.unlock();
        }
    }

    /** Whether it holds so many and has answered all that it was let: what it holds stays as it is until somebody speaks. */
    boolean atRestWith(int requests) {
        lock.lock();
        try {
            return permits == 0 && !answering && held.size() == requests;
        } finally {
            lock.unlock();
        }
    }

    long held(IoOperation operation) {
        lock.lock();
        try {
            return held.stream().filter(r -> r.operation() == operation).count();
        } finally {
            lock.unlock();
        }
    }

    /** As a lane does at a time-out: settles all that is held, but keeps it; {@link #release} lets go of it later. */
    void timeOutAll() {
        lock.lock();
        try {
            held.forEach(request -> request.settle(IoStatus.TIMED_OUT));
        } finally {
            lock.unlock();
        }
    }

    private void run() {
        while (true) {
            IoRequest request;
            lock.lock();
            try {
                answering = false;
                while (held.isEmpty() || permits == 0) {
                    if (closed) {
                        return;
                    }
                    changed.awaitUninterruptibly();
                }
                permits--;
                answering = true;
                request = held.remove();
            } finally {
                lock.unlock();
            }
            request.complete(request.settled() ? IoStatus.OK : carryOut(request));
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            permits = Long.MAX_VALUE;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        Await.that("the device's thread has ended", () -> !thread.isAlive());
    }
}
