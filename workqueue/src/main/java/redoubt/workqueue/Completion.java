package redoubt.workqueue;

import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import redoubt.base.Parking;

/** Something that is over once, and one thread that waits for it. Ending it takes no lock and allocates nothing. */
final class Completion implements BooleanSupplier {

    private volatile boolean done; // V
    private volatile @Nullable Thread waiter; // V

    void complete() {
        done = true;
        Thread thread = waiter;
        if (thread != null) {
            LockSupport.unpark(thread);
        }
    }

    @Override
    public boolean getAsBoolean() {
        return done;
    }

    /**
     * Waits until it is over.
     *
     * @return whether it was over before the limit
     */
    boolean await(Machine machine, long limitNanos) throws InterruptedException {
        waiter = Thread.currentThread();
        Parking parking = machine.workers().parking();
        long start = machine.clock().nanos();
        while (!done) {
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
            long left = limitNanos - (machine.clock().nanos() - start);
            if (left <= 0) {
                return done;
            }
            parking.park(this, left);
        }
        return true;
    }
}
