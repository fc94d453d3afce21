package redoubt.kernfs;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A named value. Who may be shown it and who may store it follows from what it was given: an attribute without a {@link Show} cannot be
 * opened for reading, one without a {@link Store} not for writing, by anybody (Linux, fs/kernfs/file.c, kernfs_fop_open).
 *
 * <p><b>Memory.</b> The files of a {@link #preallocated} attribute have all memory they need from when they are opened: reading and writing them
 * allocates nothing, which is what a daemon that memory reclaim waits for needs. Of an ordinary attribute, the first read of a file
 * allocates, and every write.
 *
 * <p><b>Changes.</b> {@link #notifyChange} may be called from anywhere, also while a show or store of this very attribute runs: it counts the
 * event and wakes those who poll, at once, on the caller's thread; it allocates nothing, takes no lock and looks at no other node. Then it
 * has subscribers told, if there are any, from the tree's queue.
 *
 * <p>The event count starts at 1 and what a file has seen at 0, so the first poll of a fresh file always fires. Field legend. A: any
 * thread, atomically; R: held while files are released.
 */
public final class KernfsAttribute extends KernfsNode {

    /** The most that an ordinary attribute shows or takes at once: a page, as in the kernel. */
    public static final int PAGE_BYTES = 4096;

    private static final OpenFile[] NO_FILES = {};

    private static final AtomicLongFieldUpdater<KernfsAttribute> EVENTS =
            AtomicLongFieldUpdater.newUpdater(KernfsAttribute.class, "events");
    private static final AtomicReferenceFieldUpdater<KernfsAttribute, OpenFile[]> FILES =
            AtomicReferenceFieldUpdater.newUpdater(KernfsAttribute.class, OpenFile[].class, "files");

    /**
     * What it is made of.
     *
     * @param showBytes the most it shows
     * @param wholeBytes the most it takes, and what is longer is refused; or 0: a page, and what is longer is cut
     */
    private record Make(
            @Nullable Show show,
            @Nullable Store store,
            int showBytes,
            int wholeBytes,
            boolean preallocated,
            @Nullable FileHook hook) {}

    private final Make make;
    private final @Nullable ReentrantLock releasing; // R
    private volatile long events = 1; // A
    private volatile OpenFile[] files = NO_FILES; // A: never changed in place

    private KernfsAttribute(String name, Make make) {
        super(name);
        this.make = make;
        this.releasing = make.hook() == null ? null : new ReentrantLock();
    }

    private static KernfsAttribute of(String name, @Nullable Show show, @Nullable Store store, int showBytes) {
        return new KernfsAttribute(name, new Make(show, store, showBytes, 0, false, null));
    }

    /** An attribute that is only shown. */
    public static KernfsAttribute readOnly(String name, Show show) {
        return of(name, show, null, PAGE_BYTES);
    }

    /** An attribute that is shown and stored. */
    public static KernfsAttribute readWrite(String name, Show show, Store store) {
        return of(name, show, store, PAGE_BYTES);
    }

    /** An attribute that is only stored. */
    public static KernfsAttribute writeOnly(String name, Store store) {
        return of(name, null, store, PAGE_BYTES);
    }

    /** An attribute that shows more than a page, such as {@code mdstat}. */
    public static KernfsAttribute large(String name, int capacityBytes, Show show) {
        return of(name, show, null, capacityBytes);
    }

    /** The same attribute, without a place, whose files have their memory from the start. */
    public KernfsAttribute preallocated() {
        return new KernfsAttribute(
                name(), new Make(make.show, make.store, make.showBytes, make.wholeBytes, true, make.hook));
    }

    /** The same attribute, without a place, which takes values of up to so many bytes whole and refuses longer ones with E2BIG. */
    public KernfsAttribute takingWhole(int bytes) {
        if (bytes < 1) {
            throw new IllegalArgumentException("an attribute that takes no byte: " + bytes);
        }
        return new KernfsAttribute(
                name(), new Make(make.show, make.store, make.showBytes, bytes, make.preallocated, make.hook));
    }

    /** The same attribute, without a place, which learns who opens it and lets go of it. */
    public KernfsAttribute hooked(FileHook hook) {
        return new KernfsAttribute(
                name(), new Make(make.show, make.store, make.showBytes, make.wholeBytes, make.preallocated, hook));
    }

    /** The permission bits that the kernel would give it: 0444, 0644 or 0200. */
    public int mode() {
        if (make.store == null) {
            return 0444;
        }
        return make.show == null ? 0200 : 0644;
    }

    /** The most it shows or takes at once, in bytes. */
    public int capacityBytes() {
        return Math.max(make.showBytes, storeBytes());
    }

    /** Whether its files have their memory from the start. */
    public boolean isPreallocated() {
        return make.preallocated;
    }

    int showBytes() {
        return make.showBytes;
    }

    /** The most that one write brings. */
    int storeBytes() {
        return make.wholeBytes > 0 ? make.wholeBytes : PAGE_BYTES;
    }

    /** Whether a longer write is refused and not cut. */
    boolean takesWhole() {
        return make.wholeBytes > 0;
    }

    // ---------------------------------------------------------------------------------------------- files

    /**
     * Opens the attribute. If it is preallocated, all memory that reading and writing the file will need is taken here.
     *
     * @throws NodeRefused EACCES if it cannot be shown or stored, ENODEV if it is gone, or what its hook says
     */
    public OpenFile open(Access access) throws NodeRefused {
        if ((access.reads() && make.show == null) || (access.writes() && make.store == null)) {
            throw new NodeRefused(
                    Errno.EACCES, "'" + path() + "' can only be " + (make.show == null ? "written." : "read."));
        }
        OpenFile file = new OpenFile(this, access);
        if (!getActive()) {
            throw new NodeRefused(Errno.ENODEV, "'" + path() + "' is gone.");
        }
        try {
            FileHook hook = make.hook;
            if (hook != null) {
                Outcome outcome = hook.opened(file);
                if (!outcome.ok()) {
                    throw new NodeRefused(outcome.errno(), "'" + path() + "': " + outcome.because() + ".");
                }
            }
            OpenFile[] before;
            OpenFile[] after;
            do {
                before = files;
                after = Arrays.copyOf(before, before.length + 1);
                after[before.length] = file;
            } while (!FILES.compareAndSet(this, before, after));
        } finally {
            putActive();
        }
        return file;
    }

    void closed(OpenFile file) {
        OpenFile[] before;
        OpenFile[] after;
        do {
            before = files;
            after = Arrays.stream(before).filter(other -> other != file).toArray(OpenFile[]::new);
        } while (!FILES.compareAndSet(this, before, after));
        release(file);
    }

    private void release(OpenFile file) {
        FileHook hook = make.hook;
        ReentrantLock lock = releasing;
        if (hook == null || lock == null) {
            return;
        }
        lock.lock(); // who comes second returns when the first one is done
        try {
            if (file.markReleased()) {
                hook.released(file);
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    void drainFiles() {
        for (OpenFile file : files) {
            release(file);
        }
    }

    // ---------------------------------------------------------------------------------------------- changes

    /** Says that the value changed: every open file's next poll fires, and its watcher is told now. */
    public void notifyChange() {
        KernfsTree home = tree();
        if (home == null || home.wakesPollersInline()) {
            wakePollers();
        }
        if (home != null) {
            home.announce(this);
        }
    }

    /** Counts the event and tells the watchers. */
    void wakePollers() {
        EVENTS.incrementAndGet(this);
        OpenFile[] open = files;
        for (int i = 0; i < open.length; i++) {
            open[i].tellWatcher();
        }
    }

    /** How many events there were, plus one. */
    long events() {
        return events;
    }

    // ---------------------------------------------------------------------------------------------- operations

    Outcome runShow(AttributeText out) {
        Show present = make.show;
        if (present == null) {
            throw new IllegalStateException("'" + path() + "' was opened for what it cannot do");
        }
        return present.show(out);
    }

    Outcome runStore(AttributeValue value) {
        Store present = make.store;
        if (present == null) {
            throw new IllegalStateException("'" + path() + "' was opened for what it cannot do");
        }
        return present.store(value);
    }

    /** The file whose operation this thread is in. */
    private @Nullable OpenFile mine() {
        OpenFile[] open = files;
        for (int i = 0; i < open.length; i++) {
            if (open[i].isRunOn(Thread.currentThread())) {
                return open[i];
            }
        }
        return null;
    }

    private OpenFile mineOrRefuse() {
        OpenFile mine = mine();
        if (mine == null) {
            throw new IllegalStateException("only an operation of '" + path() + "' may ask for this");
        }
        return mine;
    }

    /**
     * From within this attribute's own show or store: removes it. May be asked by several operations at once.
     *
     * @return true to the first who asks; others are answered false when that one's whole operation is over
     */
    public boolean removeSelf() {
        mineOrRefuse();
        return removeFromWithin();
    }

    /**
     * From within this attribute's own show or store: does something that may wait for this very operation, such as removing the directory that
     * the attribute is in. The attribute may be gone afterwards.
     */
    public void withoutActiveReference(Runnable meanwhile) {
        mineOrRefuse().unprotected(meanwhile);
    }

    /**
     * Makes the attribute invisible and waits until none of its operations runs.
     *
     * @return whether none does; if not, it is invisible, and another call goes on waiting
     * @throws IllegalStateException if it is in no tree, or from within one of its operations
     */
    public boolean hide(long limitNanos) {
        return hideSelf(limitNanos);
    }

    /** Takes {@link #hide} back, unless the attribute was removed. Files that were open go on. */
    public void reveal() {
        revealSelf();
    }

    @Override
    void plantChildren(KernfsTree home) {}

    @Override
    void activateChildren(KernfsTree home) {}

    @Override
    void refuseToWaitForOneself() {
        if (mine() != null) {
            throw new IllegalStateException("an operation of '" + path()
                    + "' would wait for its own end: a node is removed from within through removeSelf");
        }
    }

    @Override
    void deactivateChildren() {}

    @Override
    boolean drainChildren(long start, long limitNanos) {
        return true;
    }

    @Override
    void gone() {
        wakePollers();
        super.gone();
    }
}
