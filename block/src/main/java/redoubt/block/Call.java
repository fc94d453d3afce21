package redoubt.block;

import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import org.jspecify.annotations.Nullable;

/**
 * One place in a lane where a request is with the operating system, and the arbiter between the one who makes the call and the beat
 * that finds it too old.
 *
 * <p>A request cannot be the arbiter itself: between the beat's look and its verdict the call may return, the asker may free the
 * request, and the pool may give it to somebody else. So the place has a word of its own that changes with every call: even while the
 * place is empty, odd while a call runs. Whoever changes an odd word owns the ending: the caller by adding one (the call came back
 * in time), the beat by {@link #EXPIRED} (it did not, and the caller only lets go of the request).
 *
 * <p>Fields: {@code request} and {@code acceptedNanos} are written by the lane's thread while the word is even, and read by the beat
 * between reading an odd word and changing that very word.
 */
final class Call {

    private static final long EXPIRED = 1L << 62;

    private static final AtomicLongFieldUpdater<Call> WORD = AtomicLongFieldUpdater.newUpdater(Call.class, "word");

    private volatile long word;
    private @Nullable IoRequest request;
    private long acceptedNanos;

    /**
     * The lane's thread: the call begins. A full store, so that a thread which looks at its lane afterwards, and a beat that abandons
     * the lane and then looks here, cannot miss each other.
     */
    void begin(IoRequest starting) {
        request = starting;
        acceptedNanos = starting.acceptedNanos;
        long running = word + 1;
        word = running;
    }

    /**
     * The lane's thread: the call came back.
     *
     * @return whether the request is still ours to complete; if not, it was settled and is only to be abandoned
     */
    boolean end() {
        long seen = word;
        return (seen & EXPIRED) == 0 && WORD.compareAndSet(this, seen, seen + 1);
    }

    /** The lane's thread: whether the call that runs is still waited for. */
    boolean wanted() {
        return (word & EXPIRED) == 0;
    }

    /** Whether a call runs, expired or not. */
    boolean running() {
        return (word & 1) != 0;
    }

    /** The beat: whether a call runs that was accepted so long ago. */
    boolean olderThan(long limitNanos, long nowNanos) {
        long seen = word;
        if (!runs(seen)) {
            return false;
        }
        long accepted = acceptedNanos;
        VarHandle.loadLoadFence();
        return nowNanos - accepted >= limitNanos && word == seen;
    }

    /** The beat: takes the ending of the call that runs away from its thread, and answers its request; null if none runs. */
    @Nullable
    IoRequest expire() {
        long seen = word;
        if (!runs(seen)) {
            return null;
        }
        IoRequest running = request;
        return WORD.compareAndSet(this, seen, seen | EXPIRED) ? running : null;
    }

    private static boolean runs(long word) {
        return (word & 1) != 0 && (word & EXPIRED) == 0;
    }
}
