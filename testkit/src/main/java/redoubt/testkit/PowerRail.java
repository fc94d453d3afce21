package redoubt.testkit;

import java.util.concurrent.atomic.AtomicLong;

/**
 * The power of several simulated members: cut once, for all of them at the same moment, at a boundary that the test chose. A boundary is a
 * write, a zeroing, a trim or a flush reaching any of them; they are counted from 1.
 */
public final class PowerRail {

    private final long cutAt;
    private final AtomicLong boundaries = new AtomicLong();
    private volatile boolean cut;

    private PowerRail(long cutAt) {
        this.cutAt = cutAt;
    }

    /** Power that stays; it only counts. */
    public static PowerRail steady() {
        return new PowerRail(Long.MAX_VALUE);
    }

    /** Power that goes when this boundary is reached; what reaches it may still be lost, kept or torn. */
    public static PowerRail cutAt(long boundary) {
        if (boundary < 1) {
            throw new IllegalArgumentException("boundaries are counted from 1, not " + boundary);
        }
        return new PowerRail(boundary);
    }

    /** Counts one boundary; answers whether it is the one at which the power goes. */
    boolean reached() {
        if (boundaries.incrementAndGet() == cutAt) {
            cut = true;
            return true;
        }
        return false;
    }

    /** Takes the power away now. */
    public void cutNow() {
        cut = true;
    }

    /** Whether the power is gone. */
    public boolean isCut() {
        return cut;
    }

    /** How many boundaries were reached so far. */
    public long boundaries() {
        return boundaries.get();
    }
}
