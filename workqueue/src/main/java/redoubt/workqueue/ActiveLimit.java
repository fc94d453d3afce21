package redoubt.workqueue;

import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * How many items may be active: one for each joint of a per-processor queue, one for each node of an unbound queue, where several joints
 * share it and take turns. A joint with inactive items waits here in line; a slot that comes free is reserved for the first, which goes to
 * the end of the line if it has more.
 */
final class ActiveLimit {

    private final ShortLock lock = new ShortLock();
    private final Deque<PoolWorkqueue> line; // L
    private final int processors; // of this node
    private int active; // L
    private int limit; // L

    ActiveLimit(int limit, int processors, int joints) {
        this.limit = limit;
        this.processors = processors;
        line = new ArrayDeque<>(joints + 1);
    }

    int processors() {
        return processors;
    }

    /** Takes a slot, or puts the joint in line for one. */
    boolean obtain(PoolWorkqueue pwq) {
        lock.acquire();
        boolean free = active < limit;
        if (free) {
            active++;
        } else if (!pwq.inLine) {
            pwq.inLine = true;
            line.addLast(pwq);
        }
        lock.release();
        return free;
    }

    /** Gives a slot back; {@link #next} then says who has it. */
    void release() {
        lock.acquire();
        assert active > 0 : "INV-6: a slot is given back that nobody holds";
        active--;
        lock.release();
    }

    /** Reserves a slot for the first in line, who must use it or release it; null when there is no slot, or nobody waits. */
    @Nullable
    PoolWorkqueue next() {
        lock.acquire();
        PoolWorkqueue first = active < limit ? line.pollFirst() : null;
        if (first != null) {
            first.inLine = false;
            active++;
        }
        lock.release();
        return first;
    }

    /** Puts a joint that has more in line. */
    void enlist(PoolWorkqueue pwq) {
        lock.acquire();
        if (!pwq.inLine) {
            pwq.inLine = true;
            line.addLast(pwq);
        }
        lock.release();
    }

    void set(int newLimit) {
        lock.acquire();
        limit = newLimit;
        lock.release();
    }

    int limit() {
        lock.acquire();
        int now = limit;
        lock.release();
        return now;
    }

    int active() {
        lock.acquire();
        int now = active;
        lock.release();
        return now;
    }

    /** Gives free slots to who waits for them, in turn. No lock is held. */
    void handOut() {
        PoolWorkqueue first;
        while ((first = next()) != null) {
            first.takeSlot();
        }
    }
}
