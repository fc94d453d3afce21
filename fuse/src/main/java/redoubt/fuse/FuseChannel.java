package redoubt.fuse;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.locks.LockSupport;

/**
 * The descriptor of one connection. A read brings one request whole, a write takes one answer whole; neither waits, and any thread may do
 * either.
 *
 * <p>Answers come from threads that nobody can wait for: a lane's, or whoever notifies an attribute. A late one must not write into whatever
 * file has the number by then. So every call is counted, and the number is given back only when none is under way; until then it
 * leads to {@code /dev/null}.
 *
 * <p>Field legend. A: any thread. A call counts itself first and looks second; the closing says it first and counts second.
 */
final class FuseChannel {

    private static final long LAST_CALLS_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long LOOK_AGAIN_NANOS = 100_000;

    private static final AtomicIntegerFieldUpdater<FuseChannel> CALLS =
            AtomicIntegerFieldUpdater.newUpdater(FuseChannel.class, "calls");

    private final int descriptor;
    private volatile int calls; // A
    private volatile boolean closed; // A

    /** Over a descriptor that does not block, which is this object's from now on. */
    FuseChannel(int descriptor) {
        this.descriptor = descriptor;
    }

    /** Reads one request; its bytes, or a negative number if there is none now or there will be none any more. */
    long receive(long address, long length) {
        if (!enter()) {
            return -1;
        }
        try {
            return Linux.read(descriptor, address, length);
        } finally {
            leave();
        }
    }

    /** Writes one answer; false if nobody waits for it any more. */
    boolean send(long address, long length) {
        if (!enter()) {
            return false;
        }
        try {
            return Linux.write(descriptor, address, length) == length;
        } finally {
            leave();
        }
    }

    /** As {@link #send}, of pieces that lie apart. */
    boolean gather(long iovecs, int count) {
        if (!enter()) {
            return false;
        }
        try {
            return Linux.gather(descriptor, iovecs, count) >= 0;
        } finally {
            leave();
        }
    }

    /** For poll(2). */
    int descriptor() {
        return descriptor;
    }

    boolean isClosed() {
        return closed;
    }

    private boolean enter() {
        CALLS.incrementAndGet(this);
        if (closed) {
            leave();
            return false;
        }
        return true;
    }

    private void leave() {
        CALLS.decrementAndGet(this);
    }

    /**
     * Ends the connection: whoever has a file of the mount open is told by an error. For the thread that unmounts, once, when no thread
     * reads any more.
     */
    void close() {
        closed = true;
        int nowhere = Linux.open("/dev/null", Linux.O_RDWR);
        if (nowhere >= 0) {
            Linux.replace(descriptor, nowhere);
            Linux.close(nowhere);
        }
        long start = System.nanoTime();
        while (calls != 0 && System.nanoTime() - start < LAST_CALLS_NANOS) {
            LockSupport.parkNanos(this, LOOK_AGAIN_NANOS);
        }
        if (calls == 0) {
            Linux.close(descriptor);
        }
    }
}
