package redoubt.personality;

import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import org.jspecify.annotations.Nullable;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;

/**
 * The door to the bands that hash to it: whoever owns it works on one of them, alone, and whoever comes meanwhile parks here and is taken
 * along by the owner.
 *
 * <p>The lock and the list of those who came are one word: null is free, {@link #OWNED} is owned with nobody there, anything else is the
 * youngest of those who came. The owner takes them all at once into {@code pending}, oldest first, and may leave only when nobody is there.
 * Field legend. A: any thread, atomically; O: the owner only, whom the word publishes to the next.
 */
final class BandHead {

    /** The end of the list of an owned head. */
    private static final IoRequest OWNED = marker();

    private static final AtomicReferenceFieldUpdater<BandHead, @Nullable IoRequest> ARRIVED =
            AtomicReferenceFieldUpdater.newUpdater(BandHead.class, IoRequest.class, "arrived");

    private volatile @Nullable IoRequest arrived; // A
    private @Nullable IoRequest first; // O: pending, oldest first
    private @Nullable IoRequest last; // O

    /** The next head in the list of those that wait for a workplace; belongs to that list. */
    @Nullable
    BandHead nextWaiting;

    private static IoRequest marker() {
        IoRequestPool pool = new IoRequestPool(1);
        pool.reserve(1);
        return pool.take();
    }

    /** Makes the caller the owner, with this part pending, or parks the part for the present owner. */
    boolean enter(IoRequest part) {
        while (true) {
            IoRequest top = arrived;
            if (top == null) {
                if (ARRIVED.compareAndSet(this, null, OWNED)) {
                    part.next = null;
                    append(part);
                    return true;
                }
            } else {
                part.next = top;
                if (ARRIVED.compareAndSet(this, top, part)) {
                    return false;
                }
            }
        }
    }

    /** The owner takes over those who came. */
    void collect() {
        if (arrived == OWNED) {
            return;
        }
        IoRequest younger = ARRIVED.getAndSet(this, OWNED);
        IoRequest oldest = null;
        IoRequest part = younger;
        while (part != null && part != OWNED) {
            IoRequest older = part.next;
            part.next = oldest;
            oldest = part;
            part = older;
        }
        if (oldest != null) {
            append(oldest);
            last = younger;
        }
    }

    private void append(IoRequest oldest) {
        IoRequest end = last;
        if (end == null) {
            first = oldest;
        } else {
            end.next = oldest;
        }
        last = oldest;
    }

    /** The oldest part that the owner has not taken up; null if there is none. */
    @Nullable
    IoRequest first() {
        return first;
    }

    /** The owner takes a part up. */
    void remove(@Nullable IoRequest before, IoRequest part) {
        if (before == null) {
            first = part.next;
        } else {
            before.next = part.next;
        }
        if (last == part) {
            last = before;
        }
        part.next = null;
    }

    /** The owner, who has nothing pending, goes; answers false if somebody came, and then it is the owner still. */
    boolean leave() {
        return ARRIVED.compareAndSet(this, OWNED, null);
    }

    /** The owner, who has taken up what it came for, goes; the oldest of those who are parked is the owner now. Null if nobody is. */
    @Nullable
    IoRequest handOver() {
        while (true) {
            collect();
            IoRequest oldest = first;
            if (oldest != null) {
                remove(null, oldest);
                return oldest;
            }
            if (leave()) {
                return null;
            }
        }
    }

    /** Whether nobody owns it. */
    boolean free() {
        return arrived == null;
    }
}
