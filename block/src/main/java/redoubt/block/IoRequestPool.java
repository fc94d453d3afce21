package redoubt.block;

import java.util.concurrent.atomic.AtomicInteger;
import redoubt.base.Bug;
import redoubt.base.IndexStack;

/**
 * A fixed number of requests, made at construction. Whoever needs several reserves them all first and then takes them, so that it
 * can wait or refuse whole, never half: {@link #reserve} either grants all or none, and after a grant {@link #take} cannot fail.
 *
 * <p>Lock-free; any thread. A request goes back when it is settled, freed by its owner and no longer touched by a device.
 */
public final class IoRequestPool {

    private static final Bug NOT_RESERVED = Bug.of("a request was taken that nobody reserved");

    /** Is told that requests came back: on whatever thread, so it must not block. */
    @FunctionalInterface
    public interface Returned {

        /** There may be enough now for a reservation that was refused. */
        void again();
    }

    private final IoRequest[] requests;
    private final IndexStack unused;
    private final AtomicInteger unreserved;
    private volatile Returned whenReturned = IoRequestPool::nobodyWaits;

    /**
     * Makes the requests.
     *
     * @param count how many, at least 1
     */
    public IoRequestPool(int count) {
        if (count < 1) {
            throw new IllegalArgumentException("a pool of no requests: " + count);
        }
        requests = new IoRequest[count];
        for (int i = 0; i < count; i++) {
            requests[i] = new IoRequest(this, i);
        }
        unused = new IndexStack(count);
        unreserved = new AtomicInteger(count);
    }

    private static void nobodyWaits() {}

    /**
     * Names the one who is told each time a request came back, so that it can try a reservation again.
     */
    public void whenReturned(Returned listener) {
        whenReturned = listener;
    }

    /** Sets {@code count} requests aside for the caller, or none and answers false. */
    public boolean reserve(int count) {
        while (true) {
            int seen = unreserved.get();
            if (seen < count) {
                return false;
            }
            if (unreserved.compareAndSet(seen, seen - count)) {
                return true;
            }
        }
    }

    /** Gives up reservations that were not taken. */
    public void unreserve(int count) {
        unreserved.addAndGet(count);
        whenReturned.again();
    }

    /** One of the requests that the caller has reserved. */
    public IoRequest take() {
        int index = unused.pop();
        if (index == IndexStack.NONE) {
            throw NOT_RESERVED;
        }
        IoRequest request = requests[index];
        request.taken();
        return request;
    }

    void giveBack(IoRequest request) {
        unused.push(request.index());
        unreserved.getAndIncrement();
        whenReturned.again();
    }

    /** How many requests are neither reserved nor in use. */
    public int free() {
        return unreserved.get();
    }

    /** How many requests there are. */
    public int total() {
        return requests.length;
    }
}
