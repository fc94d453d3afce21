package redoubt.workqueue;

import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A lock that is held for a few list operations. It allocates nothing, also when it is contended, which is why it is not one of the
 * library's: whoever finds it taken spins, then yields, then naps. Not reentrant.
 */
final class ShortLock {

    private static final int SPINS = 64;
    private static final int YIELDS = 256;
    private static final long NAP_NANOS = 20_000;

    private final AtomicReference<@Nullable Thread> holder = new AtomicReference<>(); // A

    @SuppressWarnings("ThreadPriorityCheck") // a yield is a courtesy here; nothing relies on it
    void acquire() {
        Thread self = Thread.currentThread();
        assert holder.get() != self : "a short lock is not reentrant";
        for (int tries = 0; !holder.compareAndSet(null, self); tries++) {
            if (tries < SPINS) {
                Thread.onSpinWait();
            } else if (tries < YIELDS) {
                Thread.yield();
            } else {
                LockSupport.parkNanos(NAP_NANOS);
            }
        }
    }

    boolean tryAcquire() {
        return holder.get() == null && holder.compareAndSet(null, Thread.currentThread());
    }

    void release() {
        assert isHeld() : "released by a thread that does not hold it";
        holder.set(null);
    }

    boolean isHeld() {
        return holder.get() == Thread.currentThread();
    }
}
