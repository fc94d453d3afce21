package redoubt.kernfs;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import redoubt.base.Parking;
import redoubt.workqueue.Workqueue;

/**
 * Keeps the list of who mounted a tree still while somebody on it is told. Held for reading by the one item that tells, which allocates
 * nothing for it, also when it has to wait; held for writing by who mounts or unmounts, one at a time. A writer that does not go on holds up
 * what subscribers are told, and nothing else.
 */
final class SupersLock implements BooleanSupplier {

    private static final int FREE = 0;
    private static final int READ = 1;
    private static final int WRITTEN = 2;
    private static final long RECHECK_NANOS = 10_000_000L;

    private final AtomicInteger word = new AtomicInteger(FREE); // A
    private final ReentrantLock writers = new ReentrantLock();
    private final Parking parking;
    private final Workqueue.Blocking<RuntimeException> readerPark;
    private volatile @Nullable Thread reader; // while it waits or reads
    private volatile @Nullable Thread writer; // while it waits

    /** Makes a lock that nobody holds; {@code parking} is how its threads wait. */
    SupersLock(Parking parking) {
        this.parking = parking;
        this.readerPark = () -> parking.park(this, RECHECK_NANOS);
    }

    /** Whether nobody holds it; who waits, waits for this, and a thread dump names the lock. */
    @Override
    public boolean getAsBoolean() {
        return word.get() == FREE;
    }

    void lockForReading() {
        reader = Thread.currentThread();
        while (!word.compareAndSet(FREE, READ)) {
            Workqueue.blocking(KernfsOptions.SUPERS_LOCK, readerPark);
        }
    }

    void unlockReading() {
        word.set(FREE);
        reader = null;
        LockSupport.unpark(writer);
    }

    /** Not from within what is told under the lock: that would wait for itself. */
    void lockForWriting() {
        if (reader == Thread.currentThread()) {
            throw new IllegalStateException("a subscriber cannot mount or unmount while it is told");
        }
        writers.lock();
        boolean interrupted = false;
        writer = Thread.currentThread();
        while (!word.compareAndSet(FREE, WRITTEN)) {
            parking.park(this, RECHECK_NANOS);
            interrupted |= Thread.interrupted();
        }
        writer = null;
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    void unlockWriting() {
        word.set(FREE);
        writers.unlock();
        LockSupport.unpark(reader);
    }
}
