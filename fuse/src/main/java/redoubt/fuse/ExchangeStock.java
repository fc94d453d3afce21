package redoubt.fuse;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import redoubt.base.IndexStack;
import redoubt.block.IoMemory;
import redoubt.block.IoRequestPool;

/**
 * The exchanges of one connection, made at start. When none is free nobody reads from the kernel, and what is asked waits there.
 *
 * <p>Lock-free, any thread. A thread that finds none free says so, looks again and parks; whoever gives an exchange back puts it there first
 * and then looks who parks.
 */
final class ExchangeStock {

    private static final long LOOK_AGAIN_NANOS = 10_000_000L;

    private final Exchange[] exchanges;
    private final @Nullable IoRequestPool requests;
    private final IndexStack unused;
    private final AtomicInteger free;
    private final Seat[] seats;

    /** A thread that takes exchanges. */
    private static final class Seat {
        volatile @Nullable Thread waiting;
    }

    /**
     * Makes them.
     *
     * @param requests of which each exchange has one set aside; null where none is sent to a device
     * @param threads how many take exchanges
     */
    ExchangeStock(FuseChannel channel, IoMemory memory, int count, @Nullable IoRequestPool requests, int threads) {
        this.requests = requests;
        exchanges = new Exchange[count];
        for (int i = 0; i < count; i++) {
            exchanges[i] = new Exchange(channel, memory, i);
        }
        unused = new IndexStack(count);
        free = new AtomicInteger(count);
        seats = new Seat[threads];
        for (int i = 0; i < threads; i++) {
            seats[i] = new Seat();
        }
    }

    /** A free exchange that has all it needs, for the thread of this number; null after a while if there is none. */
    @Nullable
    Exchange take(int seat) {
        Exchange found = takeNow();
        if (found != null) {
            return found;
        }
        seats[seat].waiting = Thread.currentThread();
        try {
            found = takeNow();
            if (found == null) {
                LockSupport.parkNanos(this, LOOK_AGAIN_NANOS);
                found = takeNow();
            }
            return found;
        } finally {
            seats[seat].waiting = null;
        }
    }

    private @Nullable Exchange takeNow() {
        int index = unused.pop();
        if (index == IndexStack.NONE) {
            return null;
        }
        free.getAndDecrement();
        Exchange exchange = exchanges[index];
        if (complete(exchange)) {
            return exchange;
        }
        // A call that hangs has its memory: the next one may have some.
        Exchange other = takeNow();
        push(exchange);
        return other;
    }

    private boolean complete(Exchange exchange) {
        if (!exchange.refill()) {
            return false;
        }
        IoRequestPool pool = requests;
        if (pool != null && !exchange.requestReserved) {
            exchange.requestReserved = pool.reserve(1);
            return exchange.requestReserved;
        }
        return true;
    }

    /** Takes an exchange back, and wakes somebody who waits for one. */
    void giveBack(Exchange exchange) {
        push(exchange);
        for (int i = 0; i < seats.length; i++) {
            Thread waiting = seats[i].waiting;
            if (waiting != null) {
                LockSupport.unpark(waiting);
                return;
            }
        }
    }

    private void push(Exchange exchange) {
        unused.push(exchange.index);
        free.getAndIncrement();
    }

    /** How many are free. */
    int free() {
        return free.get();
    }

    /** How many there are. */
    int total() {
        return exchanges.length;
    }

    /** Gives all memory back; when all are free. */
    void close() {
        for (Exchange exchange : exchanges) {
            exchange.close();
        }
    }
}
