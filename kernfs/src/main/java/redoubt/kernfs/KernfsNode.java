package redoubt.kernfs;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A node of the tree: directory, attribute or link (Linux, fs/kernfs/dir.c).
 *
 * <p><b>Life.</b> A node is made alone, is put under a directory once, and becomes visible when that directory is ({@link NodeState}). Every
 * show and store runs with an <i>active reference</i> on its node. {@link #remove} first shuts the whole subtree, so that no further reference
 * is given, then waits until those that are out have come back, and only then returns: after it no show and no store of the subtree runs.
 *
 * <p><b>Locks.</b> Looking up, reading, storing, polling and notifying take none of the tree's: they cannot be held up by somebody who holds the
 * tree. One number says who may use a node: {@link #UNACTIVATED}, then the count of references that are out, then the same count with {@link #BIAS}
 * added, and at last BIAS itself. Children of a directory are an immutable map, replaced by compare-and-set. What changes the shape of the tree
 * in more than one place (shutting a subtree, renaming, hiding) does it under the tree's lock, which nobody waits with in hand.
 *
 * <p>Field legend. A: any thread, atomically; P: written before the node can be found; T: written under the tree's lock, read by all.
 */
public abstract sealed class KernfsNode permits KernfsDirectory, KernfsAttribute, KernfsLink {

    /** Longest name, in bytes of UTF-8. */
    public static final int NAME_LIMIT_BYTES = 255;

    /** Added to the count of references when a node is removed. */
    static final int BIAS = Integer.MIN_VALUE + 1;

    private static final int UNACTIVATED = Integer.MIN_VALUE;
    private static final long RECHECK_NANOS = 100_000_000L;

    private static final AtomicIntegerFieldUpdater<KernfsNode> ACTIVE =
            AtomicIntegerFieldUpdater.newUpdater(KernfsNode.class, "active");
    private static final AtomicIntegerFieldUpdater<KernfsNode> SUICIDE =
            AtomicIntegerFieldUpdater.newUpdater(KernfsNode.class, "suicide");
    private static final AtomicIntegerFieldUpdater<KernfsNode> UNLINKED =
            AtomicIntegerFieldUpdater.newUpdater(KernfsNode.class, "unlinked");
    private static final AtomicLongFieldUpdater<KernfsNode> ID =
            AtomicLongFieldUpdater.newUpdater(KernfsNode.class, "id");

    private static final int SUICIDE_BEGUN = 1;
    private static final int SUICIDE_DONE = 2;

    /** Where a node stands: one object, so that nobody sees the name of one place and the directory of another. */
    record Place(@Nullable KernfsDirectory parent, String name) {}

    /** A thread that waits for the last active reference. */
    private record Drainer(Thread thread, @Nullable Drainer next) {}

    private volatile Place place; // P, then T
    private volatile @Nullable KernfsTree tree; // P
    private volatile long id; // A: 0, then given once
    private volatile int active = UNACTIVATED; // A
    private volatile boolean hidden; // T
    private volatile int unlinked; // A: who sets it tells that the node is gone
    private volatile int suicide; // A
    private final AtomicReference<@Nullable Drainer> drainers = new AtomicReference<>(); // A

    /** A: belongs to {@link NotifyList}. */
    volatile @Nullable KernfsNode link;

    KernfsNode(String name) {
        this.place = new Place(null, checked(name));
    }

    /** The root's, which has no name and no parent. */
    KernfsNode(KernfsTree tree) {
        this.place = new Place(null, "");
        this.tree = tree;
        this.id = tree.nextId();
        this.active = 0;
    }

    private static String checked(String name) {
        if (name.isEmpty() || name.equals(".") || name.equals("..") || name.indexOf('/') >= 0 || name.indexOf(0) >= 0) {
            throw new IllegalArgumentException("no node can be called '" + name + "'");
        }
        if (name.getBytes(StandardCharsets.UTF_8).length > NAME_LIMIT_BYTES) {
            throw new IllegalArgumentException("a node's name has at most " + NAME_LIMIT_BYTES + " bytes");
        }
        return name;
    }

    /** Its name within its directory. */
    public final String name() {
        return place.name();
    }

    /** The directory it was put under. */
    final @Nullable KernfsDirectory parent() {
        return place.parent();
    }

    /** Directory and name of one moment. */
    final Place place() {
        return place;
    }

    /** Takes the place under a directory; the node has none yet. */
    final void settle(KernfsDirectory directory) {
        Place present = place;
        if (present.parent() != null) {
            throw new IllegalStateException("'" + present.name() + "' has a place already");
        }
        place = new Place(directory, present.name());
    }

    /** Gives the place back: it was not to be had. */
    final void unsettle() {
        place = new Place(null, place.name());
    }

    /** The tree it was put into. */
    final @Nullable KernfsTree tree() {
        return tree;
    }

    /** A number that no other node of its tree has or had; 0 while it is in none. The root's is 1. */
    public final long id() {
        return id;
    }

    /** Whether the node can be found and used. */
    public final boolean isActive() {
        return active >= 0;
    }

    /** What it is to those who look for it. */
    public final NodeState state() {
        int seen = active;
        if (seen >= 0) {
            return NodeState.ACTIVE;
        }
        if (seen == UNACTIVATED || hidden) {
            return NodeState.UNACTIVATED;
        }
        return unlinked == 0 ? NodeState.REMOVING : NodeState.UNLINKED;
    }

    /** The names from the root, with '/' between. */
    public final String path() {
        Place here = place;
        KernfsDirectory above = here.parent();
        if (above == null) {
            return here.name();
        }
        String prefix = above.path();
        return prefix.isEmpty() ? here.name() : prefix + '/' + here.name();
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

    /** Counts a reference again that was put back for a while; by now the node may be gone. */
    private void regetActive() {
        ACTIVE.incrementAndGet(this);
    }

    // ---------------------------------------------------------------------------------------------- appearing

    /**
     * Makes this node and what is under it visible, unless it was removed meanwhile. Only a tree whose nodes are made unactivated needs it.
     *
     * @throws IllegalStateException if the node is in no tree
     */
    public final void activate() {
        KernfsTree home = tree;
        if (home == null) {
            throw new IllegalStateException("'" + name() + "' is in no tree");
        }
        activate(home);
    }

    final void activate(KernfsTree home) {
        plant(home);
        if (!hidden) {
            ACTIVE.compareAndSet(this, UNACTIVATED, 0);
        }
        if (isActive()) {
            activateChildren(home);
        }
    }

    /** Makes it a node of this tree; it cannot be found yet. */
    final void plant(KernfsTree home) {
        tree = home;
        if (id == 0 && ID.compareAndSet(this, 0, home.nextId())) {
            plantChildren(home);
        }
    }

    abstract void plantChildren(KernfsTree home);

    abstract void activateChildren(KernfsTree home);

    // ---------------------------------------------------------------------------------------------- moving

    /**
     * Moves the node, with all below it, within its tree. Whoever has it open notices nothing. In another directory it is found under both
     * names for a moment, never under none.
     *
     * @throws NodeRefused EEXIST if there is a node of that name, ENOENT if this node or the directory is not there (any more), EINVAL for the
     *     root, for a directory of another tree, and for one below the node
     */
    public final void rename(KernfsDirectory directory, String newName) throws NodeRefused {
        checked(newName);
        KernfsTree home = tree;
        if (home == null || directory.tree() != home || place.parent() == null) {
            throw new NodeRefused(Errno.EINVAL, "'" + path() + "' cannot be moved to '" + directory.path() + "'.");
        }
        home.lock();
        try {
            Place before = place;
            KernfsDirectory from = before.parent();
            if (!isActive() || !directory.isActive() || from == null) {
                throw new NodeRefused(Errno.ENOENT, "'" + path() + "' or '" + directory.path() + "' is not there.");
            }
            for (KernfsDirectory at = directory; at != null; at = at.parent()) {
                if (at == this) {
                    throw new NodeRefused(Errno.EINVAL, "'" + path() + "' cannot be moved below itself.");
                }
            }
            if (from == directory && before.name().equals(newName)) {
                return;
            }
            Errno refusal = directory.take(this, newName, before);
            if (refusal != null) {
                throw new NodeRefused(refusal, "'" + directory.path() + "' cannot take '" + newName + "'.");
            }
            place = new Place(directory, newName);
            if (from != directory) {
                from.unlink(this, before.name());
            }
        } finally {
            home.unlock();
        }
    }

    // ---------------------------------------------------------------------------------------------- going

    /**
     * Takes the node and all below it out of the tree. Waits until no show and no store of the subtree runs; may be called by several
     * threads and returns to each only then.
     *
     * @throws IllegalStateException for the root, which stays; and when called from within a show or store of the subtree, which would wait for
     *     itself: that one calls {@link KernfsAttribute#removeSelf} or {@link KernfsAttribute#withoutActiveReference}
     */
    public final void remove() {
        remove(Long.MAX_VALUE);
    }

    /**
     * The same, with a limit. Whether in time or not, nothing of the subtree begins any more.
     *
     * @return whether all of it is out; if not, somebody is still inside, and another call goes on waiting
     */
    public final boolean remove(long limitNanos) {
        if (place.parent() == null && isActive()) {
            throw new IllegalStateException("the root of a tree stays");
        }
        refuseToWaitForOneself();
        shut();
        return drainAndUnlink(System.nanoTime(), limitNanos);
    }

    private void shut() {
        KernfsTree home = tree;
        if (home == null) {
            deactivate();
            return;
        }
        home.lock();
        try {
            deactivate();
        } finally {
            home.unlock();
        }
    }

    /** Phase one, post-order: from here on nobody gets a reference anywhere in the subtree. */
    final void deactivate() {
        deactivateChildren();
        addBias();
        hidden = false;
    }

    /** Whether this call did it. */
    private boolean addBias() {
        while (true) {
            int seen = active;
            if (seen < 0 && seen != UNACTIVATED) {
                return false;
            }
            if (ACTIVE.compareAndSet(this, seen, seen == UNACTIVATED ? BIAS : seen + BIAS)) {
                return true;
            }
        }
    }

    /** Phase two, post-order: each node is left by its users and then by its directory. */
    final boolean drainAndUnlink(long start, long limitNanos) {
        if (!drainChildren(start, limitNanos) || !drain(start, limitNanos)) {
            return false;
        }
        unlink();
        if (UNLINKED.compareAndSet(this, 0, 1)) {
            unlink(); // of a node that was just being added: either this sees the place, or who adds sees that it is
            // unlinked
            gone();
        }
        return true;
    }

    private void unlink() {
        Place last = place;
        KernfsDirectory above = last.parent();
        if (above != null) {
            above.unlink(this, last.name());
        }
    }

    private boolean drain(long start, long limitNanos) {
        if (!isDrained() && !awaitInList(this::isDrained, start, limitNanos)) {
            return false;
        }
        drainFiles();
        return true;
    }

    /** Nobody is inside; or, of an attribute that was hidden, somebody may be again. */
    private boolean isDrained() {
        int seen = active;
        return seen == BIAS || seen >= 0;
    }

    /** What is waited for can become true only together with the last active reference. */
    private interface Condition {
        boolean holds();
    }

    private boolean awaitInList(Condition condition, long start, long limitNanos) {
        Thread self = Thread.currentThread();
        Drainer before;
        do {
            before = drainers.get();
        } while (!drainers.compareAndSet(before, new Drainer(self, before)));
        boolean interrupted = false;
        boolean holds = condition.holds();
        while (!holds) {
            long left = limitNanos - (System.nanoTime() - start);
            if (left <= 0) {
                break;
            }
            LockSupport.parkNanos(this, Math.min(left, RECHECK_NANOS));
            interrupted |= Thread.interrupted();
            holds = condition.holds();
        }
        if (interrupted) {
            self.interrupt();
        }
        return holds;
    }

    abstract void refuseToWaitForOneself();

    abstract void deactivateChildren();

    abstract boolean drainChildren(long start, long limitNanos);

    /** No operation runs and none will; who has the node open and wants to be told of the end is told, once. */
    abstract void drainFiles();

    /** The node was unlinked; whoever watches it is told. */
    void gone() {
        KernfsTree home = tree;
        if (home != null) {
            home.announce(this);
        }
    }

    /**
     * From within an operation of this node, whose active reference the caller holds: removes the node. The first caller does it and is
     * answered true; others wait until that one's whole operation has ended and are answered false. Either way the reference can be put
     * back as if nothing had happened.
     */
    final boolean removeFromWithin() {
        putActive();
        boolean first = SUICIDE.compareAndSet(this, 0, SUICIDE_BEGUN);
        if (first) {
            shut();
            drainAndUnlink(System.nanoTime(), Long.MAX_VALUE);
            regetActive();
            suicide = SUICIDE_DONE;
        } else {
            awaitInList(() -> suicide == SUICIDE_DONE && active == BIAS, System.nanoTime(), Long.MAX_VALUE);
            regetActive();
        }
        return first;
    }

    /** From within an operation of this node: puts its active reference back while {@code meanwhile} runs. */
    final void unprotected(Runnable meanwhile) {
        putActive();
        try {
            meanwhile.run();
        } finally {
            regetActive();
        }
    }

    // ---------------------------------------------------------------------------------------------- hiding

    final boolean hideSelf(long limitNanos) {
        KernfsTree home = tree;
        if (home == null) {
            throw new IllegalStateException("'" + name() + "' is in no tree");
        }
        refuseToWaitForOneself();
        home.lock();
        try {
            if (state().compareTo(NodeState.REMOVING) >= 0) {
                return true; // on its way out
            }
            hidden = true;
            if (active != UNACTIVATED) {
                addBias();
            }
        } finally {
            home.unlock();
        }
        return active == UNACTIVATED || drain(System.nanoTime(), limitNanos);
    }

    final void revealSelf() {
        KernfsTree home = tree;
        if (home == null || !hidden) {
            return;
        }
        home.lock();
        try {
            if (hidden) {
                hidden = false;
                drainers.set(null);
                if (active < 0 && active != UNACTIVATED) {
                    ACTIVE.addAndGet(this, -BIAS);
                }
            }
        } finally {
            home.unlock();
        }
    }

    @Override
    public final String toString() {
        return path();
    }
}
