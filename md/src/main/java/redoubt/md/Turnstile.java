package redoubt.md;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import redoubt.block.IoRequest;

/**
 * Counts requests in and out, and parks them while it is shut.
 *
 * <p>The order that makes it right (Linux, drivers/md/md.c, md_write_start and set_in_sync) is <em>count first, look second</em>: who
 * enters raises the count and then reads whether the turnstile is open; who wants it empty shuts it and then reads the count. Both are
 * volatile accesses, so at least one of the two sees the other. A request that finds it shut lowers the count again and is parked; it looks
 * once more after parking, because the turnstile may have been opened, and its list emptied, in between.
 *
 * <p>No locks. A parked request is a place in a list, not a thread. The count and the number of entries ever made share one word, so
 * that entering costs one atomic operation.
 */
final class Turnstile {

    /** In the place of a number of entries. */
    static final long NOT_EMPTY = -1;

    private static final int INSIDE_BITS = 24;
    private static final long ONE_ENTRY = 1L << INSIDE_BITS;
    private static final long INSIDE_MASK = ONE_ENTRY - 1;

    private final AtomicLong entriesAndInside = new AtomicLong();
    private final AtomicReference<@Nullable IoRequest> parked = new AtomicReference<>();
    private final Onward admit;
    private volatile boolean open;

    /**
     * Makes a turnstile.
     *
     * @param admit takes a request that was parked and tries to enter with it again
     */
    Turnstile(boolean open, Onward admit) {
        this.open = open;
        this.admit = admit;
    }

    /** Whether the request is in; if not, it is parked, and will come by {@code admit}. */
    boolean enter(IoRequest request) {
        entriesAndInside.getAndAdd(ONE_ENTRY + 1);
        if (open) {
            return true;
        }
        entriesAndInside.getAndAdd(-ONE_ENTRY - 1);
        park(request);
        return false;
    }

    /** Counts in a request that somebody inside brings with it: it may pass, open or not. */
    void enterFromInside() {
        entriesAndInside.getAndAdd(ONE_ENTRY + 1);
    }

    private void park(IoRequest request) {
        push(parked, request);
        if (open) {
            admitParked();
        }
    }

    /** A request that entered is out. */
    void leave() {
        entriesAndInside.getAndDecrement();
    }

    /** New requests are parked from here on. */
    void shut() {
        open = false;
    }

    /** Opens, and lets in what is parked, oldest first, on the calling thread. */
    void open() {
        open = true;
        admitParked();
    }

    /** Lets what is parked try again, whether open or not. */
    void admitParked() {
        IoRequest request = oldestFirst(parked.getAndSet(null));
        while (request != null) {
            IoRequest younger = request.next;
            request.next = null;
            admit.go(request);
            request = younger;
        }
    }

    /** Puts a request on top of a list that {@link #oldestFirst} turns round. */
    static void push(AtomicReference<@Nullable IoRequest> list, IoRequest request) {
        IoRequest top;
        do {
            top = list.get();
            request.next = top;
        } while (!list.compareAndSet(top, request));
    }

    static @Nullable IoRequest oldestFirst(@Nullable IoRequest youngest) {
        IoRequest oldest = null;
        IoRequest request = youngest;
        while (request != null) {
            IoRequest older = request.next;
            request.next = oldest;
            oldest = request;
            request = older;
        }
        return oldest;
    }

    boolean isOpen() {
        return open;
    }

    boolean anyParked() {
        return parked.get() != null;
    }

    /** How many are inside. */
    int inside() {
        return (int) (entriesAndInside.get() & INSIDE_MASK);
    }

    /**
     * Changes with every entry. Equal to what {@link #entriesIfEmpty} said means that nobody entered since; equal to what it said itself does not, since it
     * counts who is being turned away.
     */
    long entries() {
        return entriesAndInside.get() >>> INSIDE_BITS;
    }

    /**
     * How many ever entered, if nobody is inside, else {@link #NOT_EMPTY}. Read at once: who is turned away is counted for a moment, and a number with him in it
     * comes again with the next who enters.
     */
    long entriesIfEmpty() {
        long both = entriesAndInside.get();
        return (both & INSIDE_MASK) == 0 ? both >>> INSIDE_BITS : NOT_EMPTY;
    }
}
