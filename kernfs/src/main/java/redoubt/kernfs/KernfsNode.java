package redoubt.kernfs;

import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A node of the tree: directory, attribute or link (Linux, fs/kernfs/dir.c).
 *
 * <p><b>Life.</b> A node is made alone, is put under a directory once, and becomes visible when that directory is. Every show and store
 * runs with an <i>active reference</i> on its node. {@link #remove} first shuts the whole subtree, so that no further reference is given,
 * then waits until those that are out have come back, and only then returns: after it no show and no store of the subtree runs.
 *
 * <p><b>Locks.</b> There are none: neither lookup nor notification nor removal can be held up by somebody who holds the tree. One number
 * says everything about a node's life: {@link #UNACTIVATED}, then the count of references that are out, then the same count with
 * {@link #BIAS} added, and at last BIAS itself. Children of a directory are an immutable map, replaced by compare-and-set.
 *
 * <p>Field legend. A: any thread, atomically; P: written once, before the node can be found.
 */
public abstract sealed class KernfsNode permits KernfsDirectory, KernfsAttribute, KernfsLink {

    /** Added to the count of references when a node is removed. */
    static final int BIAS = Integer.MIN_VALUE + 1;

    private static final int UNACTIVATED = Integer.MIN_VALUE;
    private static final long RECHECK_NANOS = 100_000_000L;

    private static final AtomicIntegerFieldUpdater<KernfsNode> ACTIVE =
            AtomicIntegerFieldUpdater.newUpdater(KernfsNode.class, "active");
    private static final AtomicIntegerFieldUpdater<KernfsNode> SUICIDE =
            AtomicIntegerFieldUpdater.newUpdater(KernfsNode.class, "suicide");

    private static final int SUICIDE_BEGUN = 1;
    private static final int SUICIDE_DONE = 2;

    /** A thread that waits for the last active reference. The list only grows: the node is on its way out. */
    private record Drainer(Thread thread, @Nullable Drainer next) {}

    private final String name;
    private volatile @Nullable KernfsDirectory parent; // P
    private volatile int active = UNACTIVATED; // A
    private volatile int suicide; // A
    private final AtomicReference<@Nullable Drainer> drainers = new AtomicReference<>(); // A

    KernfsNode(String name) {
        if (name.isEmpty() || name.equals(".") || name.equals("..") || name.indexOf('/') >= 0) {
            throw new IllegalArgumentException("no node can be called '" + name + "'");
        }
        this.name = name;
    }

    /** The root's, which has no name and no parent. */
    KernfsNode() {
        this.name = "";
        this.active = 0;
    }

    /** Its name within its directory. */
    public final String name() {
        return name;
    }

    /** The directory it was put under. */
    final @Nullable KernfsDirectory parent() {
        return parent;
    }

    final void parent(KernfsDirectory directory) {
        if (parent != null) {
            throw new IllegalStateException("'" + name + "' has a place already");
        }
        parent = directory;
    }

    /** Whether the node can be found and used. */
    public final boolean isActive() {
        return active >= 0;
    }

    /** The names from the root, with '/' between. */
    public final String path() {
        KernfsDirectory above = parent;
        if (above == null) {
            return name;
        }
        String prefix = above.path();
        return prefix.isEmpty() ? name : prefix + '/' + name;
    }

    // ---------------------------------------------------------------------------------------------- active references

    /** Takes an active reference; false when the node is not (or no longer) to be used. */
    final boolean getActive() {
        while (true) {
            int seen = active;
            if (seen < 0) {
                return false;
            }
            if (ACTIVE.compareAndSet(this, seen, seen + 1)) {
                return true;
            }
        }
    }

    final void putActive() {
        if (ACTIVE.decrementAndGet(this) == BIAS) {
            for (Drainer waiting = drainers.get(); waiting != null; waiting = waiting.next()) {
                LockSupport.unpark(waiting.thread());
            }
        }
    }

    // ---------------------------------------------------------------------------------------------- appearing

    /** Makes this node and what is under it visible, unless it was removed meanwhile. */
    final void activate() {
        if (ACTIVE.compareAndSet(this, UNACTIVATED, 0)) {
            activateChildren();
        }
    }

    abstract void activateChildren();

    // ---------------------------------------------------------------------------------------------- going

    /**
     * Takes the node and all below it out of the tree. Waits until no show and no store of the subtree runs; may be called by several
     * threads and returns to each only then.
     *
     * @throws IllegalStateException for the root, which stays; and when called from within a show or store of the subtree, which would wait for itself: that one calls
     *     {@link OpenFile#removeSelf}
     */
    public final void remove() {
        if (parent == null && isActive()) {
            throw new IllegalStateException("the root of a tree stays");
        }
        refuseToWaitForOneself();
        deactivate();
        drainAndUnlink();
    }

    /** Phase one, post-order: from here on nobody gets a reference anywhere in the subtree. */
    final void deactivate() {
        deactivateChildren();
        while (true) {
            int seen = active;
            if (seen < 0 && seen != UNACTIVATED) {
                return;
            }
            if (ACTIVE.compareAndSet(this, seen, seen == UNACTIVATED ? BIAS : seen + BIAS)) {
                return;
            }
        }
    }

    /** Phase two, post-order: each node is left by its users and then by its directory. */
    final void drainAndUnlink() {
        drainChildren();
        drain();
        KernfsDirectory above = parent;
        if (above != null) {
            above.unlink(this);
        }
        gone();
    }

    private void drain() {
        if (active == BIAS) {
            return;
        }
        awaitInList(() -> active == BIAS);
    }

    /** What is waited for can become true only together with the last active reference. */
    private interface Condition {
        boolean holds();
    }

    private void awaitInList(Condition condition) {
        Thread self = Thread.currentThread();
        Drainer before;
        do {
            before = drainers.get();
        } while (!drainers.compareAndSet(before, new Drainer(self, before)));
        boolean interrupted = false;
        while (!condition.holds()) {
            LockSupport.parkNanos(this, RECHECK_NANOS);
            interrupted |= Thread.interrupted();
        }
        if (interrupted) {
            self.interrupt();
        }
    }

    abstract void refuseToWaitForOneself();

    abstract void deactivateChildren();

    abstract void drainChildren();

    /** The node was unlinked; whoever watches it is told. */
    abstract void gone();

    /**
     * From within an operation of this node, whose active reference the caller holds: removes the node. The first caller does it and is
     * answered true; others wait until that one's whole operation has ended and are answered false. Either way the reference can be put
     * back as if nothing had happened.
     */
    final boolean removeFromWithin() {
        putActive();
        boolean first = SUICIDE.compareAndSet(this, 0, SUICIDE_BEGUN);
        if (first) {
            deactivate();
            drainAndUnlink();
            ACTIVE.incrementAndGet(this);
            suicide = SUICIDE_DONE;
        } else {
            awaitInList(() -> suicide == SUICIDE_DONE && active == BIAS);
            ACTIVE.incrementAndGet(this);
        }
        return first;
    }

    @Override
    public final String toString() {
        return path();
    }
}
