package redoubt.fuse;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import redoubt.base.Threads;

/**
 * One mount's talk with the kernel: threads that read requests and have them answered. All of them are started by {@link #start}, before the
 * first request, and none waits for a device: what a device has is answered by whoever brings it back.
 *
 * <p>A thread reads; when there is nothing to read it sleeps in poll(2), which also tells it that the connection is over or that it is to
 * stop. A request that breaks a responder is answered EIO, and counted.
 *
 * <p>Field legend. A: any thread.
 */
final class FuseConnection {

    private static final int SLEEP_LIMIT_MILLIS = 1000;
    private static final int POLLFDS_BYTES = 2 * Linux.POLLFD_BYTES;
    private static final int INIT_WANTED = Wire.INIT_ASYNC_READ
            | Wire.INIT_ATOMIC_O_TRUNC
            | Wire.INIT_BIG_WRITES
            | Wire.INIT_DO_READDIRPLUS
            | Wire.INIT_READDIRPLUS_AUTO
            | Wire.INIT_ASYNC_DIO
            | Wire.INIT_PARALLEL_DIROPS
            | Wire.INIT_MAX_PAGES;
    private static final int INIT_NEEDED = Wire.INIT_BIG_WRITES | Wire.INIT_MAX_PAGES;

    private final String name;
    private final FuseChannel channel;
    private final ExchangeStock stock;
    private final Responder responder;
    private final int threadCount;
    private final MemorySegment pollfds;
    private final MemorySegment one;
    private final int wakeDescriptor;
    private final List<Thread> threads = new ArrayList<>();
    private final CountDownLatch greeted = new CountDownLatch(1);
    private final AtomicLong faults = new AtomicLong(); // A
    private volatile @Nullable String objection; // A: written before greeted
    private volatile boolean stopping; // A
    private volatile boolean over; // A

    /** Nothing is read before {@link #start}. */
    FuseConnection(String name, FuseChannel channel, ExchangeStock stock, Responder responder, int threadCount) {
        this.name = name;
        this.channel = channel;
        this.stock = stock;
        this.responder = responder;
        this.threadCount = threadCount;
        this.wakeDescriptor = Linux.eventDescriptor();
        Arena arena = Arena.ofAuto();
        this.one = arena.allocate(ValueLayout.JAVA_LONG);
        this.one.set(ValueLayout.JAVA_LONG, 0, 1);
        this.pollfds = arena.allocate((long) POLLFDS_BYTES * threadCount, Long.BYTES);
        for (int i = 0; i < threadCount; i++) {
            long at = (long) i * POLLFDS_BYTES;
            pollfds.set(ValueLayout.JAVA_INT, at, channel.descriptor());
            pollfds.set(ValueLayout.JAVA_SHORT, at + Linux.POLLFD_EVENTS, Linux.POLL_IN);
            pollfds.set(ValueLayout.JAVA_INT, at + Linux.POLLFD_BYTES, wakeDescriptor);
            pollfds.set(ValueLayout.JAVA_SHORT, at + Linux.POLLFD_BYTES + Linux.POLLFD_EVENTS, Linux.POLL_IN);
        }
    }

    /** Starts the threads. */
    void start() {
        for (int i = 0; i < threadCount; i++) {
            int number = i;
            threads.add(Threads.start("fuse-" + name + "-" + i, () -> run(number)));
        }
    }

    /**
     * Waits until the kernel and we know what each can do.
     *
     * @throws FuseRefused if they do not go together, or the kernel says nothing
     */
    void awaitGreeting(long limitNanos) throws FuseRefused {
        boolean came = false;
        try {
            came = greeted.await(limitNanos, TimeUnit.NANOSECONDS);
        } catch (InterruptedException hurried) {
            Thread.currentThread().interrupt();
        }
        String why = objection;
        if (why != null) {
            throw new FuseRefused(why);
        }
        if (!came) {
            throw new FuseRefused("the kernel does not begin to talk on /dev/fuse");
        }
    }

    /** Requests that broke what answers them; anything but 0 is a bug. */
    long faults() {
        return faults.get();
    }

    /** Whether the kernel has ended the connection. */
    boolean isOver() {
        return over;
    }

    // ---------------------------------------------------------------------------------------------- the threads

    private void run(int number) {
        Exchange mine = null;
        while (!stopping && !over) {
            try {
                if (mine == null) {
                    mine = stock.take(number);
                } else if (!mine.receive()) {
                    sleep(number);
                } else if (!serve(mine)) {
                    mine = null;
                }
            } catch (RuntimeException | Error bug) {
                faults.incrementAndGet();
                if (mine != null && !mine.answered()) {
                    mine.refuse(Linux.EIO);
                }
            }
        }
        if (mine != null) {
            stock.giveBack(mine);
        }
    }

    private void sleep(int number) {
        long at = (long) number * POLLFDS_BYTES;
        pollfds.set(ValueLayout.JAVA_SHORT, at + Linux.POLLFD_ANSWER, (short) 0);
        int said = Linux.poll(pollfds.address() + at, 2, SLEEP_LIMIT_MILLIS);
        if (said > 0 && (pollfds.get(ValueLayout.JAVA_SHORT, at + Linux.POLLFD_ANSWER) & Linux.POLL_GONE) != 0) {
            over = true;
        }
    }

    /** Whether the exchange is free again. */
    private boolean serve(Exchange exchange) {
        Opcode opcode = Opcode.of(exchange.opcodeNumber());
        if (opcode == null) {
            return refused(exchange, Linux.ENOSYS);
        }
        if (exchange.bodyBytes() < opcode.bodyBytes) {
            return opcode.answered ? refused(exchange, Linux.EINVAL) : true;
        }
        return switch (opcode) {
            case INIT -> greet(exchange);
            case INTERRUPT ->
                true; // Nothing here waits: what can be done is done, and what a device has it will bring back.
            case DESTROY -> {
                exchange.done();
                yield true;
            }
            default -> responder.answer(opcode, exchange);
        };
    }

    private static boolean refused(Exchange exchange, int errno) {
        exchange.refuse(errno);
        return true;
    }

    // ---------------------------------------------------------------------------------------------- the greeting

    private boolean greet(Exchange exchange) {
        int major = exchange.intAt(0);
        int minor = exchange.intAt(Wire.INIT_MINOR);
        int readahead = exchange.intAt(Wire.INIT_READAHEAD);
        int offered = exchange.intAt(Wire.INIT_FLAGS);
        if (Integer.compareUnsigned(major, Wire.MAJOR) > 0) {
            // It asks again in our version.
            exchange.begin(Wire.INIT_OUT_BYTES);
            exchange.put(0, Wire.MAJOR);
            exchange.put(Wire.INIT_MINOR, Wire.MINOR);
            exchange.answer(Wire.INIT_OUT_BYTES);
            return true;
        }
        if (major != Wire.MAJOR
                || Integer.compareUnsigned(minor, Wire.OLDEST_MINOR) < 0
                || (offered & INIT_NEEDED) != INIT_NEEDED) {
            objection = "this kernel's FUSE is version %d.%d, and %d.%d (Linux 4.20) is needed"
                    .formatted(major, minor, Wire.MAJOR, Wire.OLDEST_MINOR);
            exchange.refuse(Linux.EPROTO);
            greeted.countDown();
            return true;
        }
        int longest = responder.longestTransferBytes();
        exchange.begin(Wire.INIT_OUT_BYTES);
        exchange.put(0, Wire.MAJOR);
        exchange.put(Wire.INIT_MINOR, (int) Math.min(Wire.MINOR, minor & 0xFFFFFFFFL));
        exchange.put(Wire.INIT_READAHEAD, readahead);
        exchange.put(Wire.INIT_FLAGS, offered & INIT_WANTED);
        exchange.put(Wire.INIT_OUT_BACKGROUND, (short) responder.background());
        exchange.put(Wire.INIT_OUT_CONGESTION, (short) (responder.background() * 3 / 4));
        exchange.put(Wire.INIT_OUT_MAX_WRITE, longest);
        exchange.put(Wire.INIT_OUT_TIME_GRANULARITY, 1);
        // A transfer may begin anywhere in a page of its owner; what has no room in so many pages the kernel would cut
        // in two.
        exchange.put(Wire.INIT_OUT_MAX_PAGES, (short) (longest / Wire.PAGE_BYTES + 1));
        exchange.answer(Wire.INIT_OUT_BYTES);
        greeted.countDown();
        return true;
    }

    // ---------------------------------------------------------------------------------------------- the end

    /**
     * Ends the threads and then the connection, within a limit. A thread that hangs in somebody's store is left behind.
     *
     * @return whether all ended, and every exchange has come back
     */
    boolean stop(long limitNanos) {
        long start = System.nanoTime();
        stopping = true;
        Linux.write(wakeDescriptor, one.address(), Long.BYTES);
        boolean all = true;
        boolean interrupted = false;
        for (Thread thread : threads) {
            long left = limitNanos - (System.nanoTime() - start);
            try {
                all &= thread.join(java.time.Duration.ofNanos(Math.max(1, left)));
            } catch (InterruptedException hurried) {
                interrupted = true;
                all = false;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        channel.close();
        if (all) {
            Linux.close(wakeDescriptor);
        }
        boolean back = stock.free() == stock.total();
        if (back) {
            stock.close();
        }
        return all && back;
    }

    /** Whether no request is with a device. */
    boolean isQuiet() {
        return stock.total() - stock.free() <= threadCount;
    }

    /** How many requests are with a device, or being taken up. */
    int underWay() {
        return Math.max(0, stock.total() - stock.free() - (stopping || over ? 0 : threadCount));
    }
}
