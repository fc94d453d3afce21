package redoubt.md;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;

/**
 * Requests that found no children to send, and begin again when there are enough for any of them.
 *
 * <p>Only one thread feeds at a time; one that comes meanwhile asks it to look again, so nothing recurses. The wish is left before the
 * list is looked at: a feeder that has the list in its hands, and found too little for it, sees the wish before it goes. No locks; any
 * thread.
 */
final class StarvedRequests {

    private final IoRequestPool pool;
    private final int enough;
    private final Onward begin;
    private final AtomicReference<@Nullable IoRequest> list = new AtomicReference<>();
    private final AtomicBoolean feeding = new AtomicBoolean();
    private volatile boolean feedAgain;

    /**
     * Makes an empty list.
     *
     * @param pool where children come from
     * @param enough how many of them are enough for every request
     * @param begin begins with a request again, which may come back to {@link #park}
     */
    StarvedRequests(IoRequestPool pool, int enough, Onward begin) {
        this.pool = pool;
        this.enough = enough;
        this.begin = begin;
    }

    /** The list, youngest first, for whoever takes all out of it. */
    AtomicReference<@Nullable IoRequest> list() {
        return list;
    }

    /** Puts a request in; {@link #feed} must follow, for children may have come back meanwhile. */
    void park(IoRequest request) {
        Turnstile.push(list, request);
    }

    /** Lets go of as many as there are children for. */
    void feed() {
        if (!feedAgain) {
            feedAgain = true;
        }
        if (list.get() == null) {
            return;
        }
        while (feedAgain && feeding.compareAndSet(false, true)) {
            feedAgain = false;
            IoRequest request = Turnstile.oldestFirst(list.getAndSet(null));
            while (request != null) {
                IoRequest younger = request.next;
                request.next = null;
                if (pool.free() >= enough) {
                    begin.go(request);
                } else {
                    park(request);
                }
                request = younger;
            }
            feeding.set(false);
        }
    }
}
