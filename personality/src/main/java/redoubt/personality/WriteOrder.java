package redoubt.personality;

import org.jspecify.annotations.Nullable;
import redoubt.block.IoRequest;

/**
 * Lets no two writes that overlap be under way at once, so that all copies see them in the same order. Between the members there is no other
 * order: each has a lane of its own.
 *
 * <p>The array is seen as <em>bands</em> of 4 KiB, and each band hashes to a {@link BandHead}. A write becomes the owner of the heads of all its
 * bands, one after the other in rising order, then it goes to the members, and then it hands the heads over. Where it meets an owner it
 * is parked, and carried on by whoever hands that head over. A band is no wider, so that neighbours, as a sequential client sends them,
 * go side by side; a long write pays for that with more heads, a few nanoseconds each.
 *
 * <p><b>Nothing waits in a circle.</b> Who waits for a head owns lower ones only; who owns all its heads waits for members only, and those have a
 * time limit. A write that lacks children hands its heads over before it waits for them.
 *
 * <p>What a write owns is not noted anywhere: its range says it, and where it was parked says how far it came. No locks. Any thread.
 */
final class WriteOrder {

    private static final int BAND_SHIFT = 12;
    private static final int HEAD_BITS = 12;

    /** How many heads there are: many more than writes under way, so that two bands seldom meet by their hash. */
    static final int HEADS = 1 << HEAD_BITS;

    private static final int MASK = HEADS - 1;
    private static final long GOLDEN = 0x9E37_79B9_7F4A_7C15L;

    private final BandHead[] heads = new BandHead[HEADS];

    WriteOrder() {
        for (int i = 0; i < HEADS; i++) {
            heads[i] = new BandHead();
        }
    }

    /** Whether the write may begin; otherwise it is parked, and comes with some other's {@link #leave}. */
    boolean enter(IoRequest write) {
        return enterFrom(write, 0);
    }

    private boolean enterFrom(IoRequest write, int from) {
        long first = firstBand(write);
        long last = lastBand(write);
        for (int head = next(first, last, from); head < HEADS; head = next(first, last, head + 1)) {
            if (!heads[head].enter(write)) {
                return false;
            }
            heads[head].remove(null, write);
        }
        return true;
    }

    /**
     * A write that had entered is over.
     *
     * @param begin those who may begin already, a list by {@link IoRequest#next}
     * @return that list, and at its end those who may begin now
     */
    @Nullable
    IoRequest leave(IoRequest write, @Nullable IoRequest begin) {
        IoRequest list = begin;
        long first = firstBand(write);
        long last = lastBand(write);
        for (int head = next(first, last, 0); head < HEADS; head = next(first, last, head + 1)) {
            IoRequest heir = heads[head].handOver();
            if (heir != null && enterFrom(heir, head + 1)) {
                list = append(list, heir);
            }
        }
        return list;
    }

    private static IoRequest append(@Nullable IoRequest list, IoRequest last) {
        if (list == null) {
            return last;
        }
        IoRequest end = list;
        for (IoRequest after = end.next; after != null; after = after.next) {
            end = after;
        }
        end.next = last;
        return list;
    }

    /** Whether nobody is inside. */
    boolean idle() {
        boolean idle = true;
        for (BandHead head : heads) {
            idle &= head.free();
        }
        return idle;
    }

    // ---------------------------------------------------------------------------------------------- which heads

    private static long firstBand(IoRequest write) {
        return write.offset() >>> BAND_SHIFT;
    }

    private static long lastBand(IoRequest write) {
        return (write.offset() + write.length() - 1) >>> BAND_SHIFT;
    }

    // So many bands as there are heads make a group, whose bands have consecutive heads, from a place on that is the
    // group's own: streams
    // that are a power of two apart do not meet all the way.

    /** The head of a band. */
    static int headOf(long band) {
        return (int) (band + place(band >>> HEAD_BITS)) & MASK;
    }

    private static int place(long group) {
        return (int) ((group * GOLDEN) >>> (Long.SIZE - HEAD_BITS));
    }

    /** The first head of these bands from this one on; {@link #HEADS} if there is none. */
    static int next(long firstBand, long lastBand, int from) {
        long group = firstBand >>> HEAD_BITS;
        long groups = (lastBand >>> HEAD_BITS) - group;
        if (groups == 0) {
            return next(headOf(firstBand), (int) (lastBand - firstBand), from);
        }
        if (groups > 1) {
            return from; // a whole group is among them
        }
        long border = (group + 1) << HEAD_BITS;
        int left = next(headOf(firstBand), (int) (border - 1 - firstBand), from);
        int right = next(headOf(border), (int) (lastBand - border), from);
        return Math.min(left, right);
    }

    /** The first from this one on of the heads that begin with {@code begin}, {@code more} follow, and 0 follows the last. */
    private static int next(int begin, int more, int from) {
        if (from >= HEADS || ((from - begin) & MASK) <= more) {
            return from;
        }
        return begin > from ? begin : HEADS;
    }
}
