package redoubt.kernfs;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import org.jspecify.annotations.Nullable;

/**
 * A named value. Who may be shown it and who may store it follows from what it was given: an attribute without a {@link Show} cannot be
 * opened for reading, one without a {@link Store} not for writing, by anybody (Linux, fs/kernfs/file.c, kernfs_fop_open).
 *
 * <p>{@link #notifyChange} may be called from anywhere, also while a show or store of this very attribute runs: it counts the event
 * and wakes those who watch, at once, on the caller's thread; it allocates nothing, takes no lock and looks at no other node.
 *
 * <p>The event count starts at 1 and what a file has seen at 0, so the first poll of a fresh file always fires. Field legend. A: any
 * thread, atomically.
 */
public final class KernfsAttribute extends KernfsNode {

    /** The most that an ordinary attribute shows or takes at once: a page, as in the kernel. */
    public static final int PAGE_BYTES = 4096;

    private static final OpenFile[] NO_FILES = {};

    private static final AtomicLongFieldUpdater<KernfsAttribute> EVENTS =
            AtomicLongFieldUpdater.newUpdater(KernfsAttribute.class, "events");
    private static final AtomicReferenceFieldUpdater<KernfsAttribute, OpenFile[]> FILES =
            AtomicReferenceFieldUpdater.newUpdater(KernfsAttribute.class, OpenFile[].class, "files");

    private final @Nullable Show show;
    private final @Nullable Store store;
    private final int capacityBytes;
    private volatile long events = 1; // A
    private volatile OpenFile[] files = NO_FILES; // A: never changed in place

    private KernfsAttribute(String name, @Nullable Show show, @Nullable Store store, int capacityBytes) {
        super(name);
        this.show = show;
        this.store = store;
        this.capacityBytes = capacityBytes;
    }

    /** An attribute that is only shown. */
    public static KernfsAttribute readOnly(String name, Show show) {
        return new KernfsAttribute(name, show, null, PAGE_BYTES);
    }

    /** An attribute that is shown and stored. */
    public static KernfsAttribute readWrite(String name, Show show, Store store) {
        return new KernfsAttribute(name, show, store, PAGE_BYTES);
    }

    /** An attribute that is only stored. */
    public static KernfsAttribute writeOnly(String name, Store store) {
        return new KernfsAttribute(name, null, store, PAGE_BYTES);
    }

    /** An attribute that shows more than a page, such as {@code mdstat}. */
    public static KernfsAttribute large(String name, int capacityBytes, Show show) {
        return new KernfsAttribute(name, show, null, capacityBytes);
    }

    /** The permission bits that the kernel would give it: 0444, 0644 or 0200. */
    public int mode() {
        if (store == null) {
            return 0444;
        }
        return show == null ? 0200 : 0644;
    }

    /** The most it shows or takes at once, in bytes. */
    public int capacityBytes() {
        return capacityBytes;
    }

    /**
     * Opens the attribute. All memory that reading and writing the file will need is taken here.
     *
     * @throws NodeRefused EACCES if it cannot be shown or stored, ENODEV if it is gone
     */
    public OpenFile open(Access access) throws NodeRefused {
        if ((access.reads() && show == null) || (access.writes() && store == null)) {
            throw new NodeRefused(
                    Errno.EACCES, "'" + path() + "' can only be " + (show == null ? "written." : "read."));
        }
        OpenFile file = new OpenFile(this, access);
        if (!getActive()) {
            throw new NodeRefused(Errno.ENODEV, "'" + path() + "' is gone.");
        }
        try {
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
    }

    /** Says that the value changed: every open file's next poll fires, and its watcher is told now. */
    public void notifyChange() {
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

    Outcome runShow(AttributeText out) {
        Show present = show;
        if (present == null) {
            throw new IllegalStateException("'" + path() + "' was opened for what it cannot do");
        }
        return present.show(out);
    }

    Outcome runStore(AttributeValue value) {
        Store present = store;
        if (present == null) {
            throw new IllegalStateException("'" + path() + "' was opened for what it cannot do");
        }
        return present.store(value);
    }

    @Override
    void activateChildren() {}

    @Override
    void refuseToWaitForOneself() {
        for (OpenFile file : files) {
            if (file.isRunOn(Thread.currentThread())) {
                throw new IllegalStateException("an operation of '" + path()
                        + "' would wait for its own end: a node is removed from within through OpenFile.removeSelf");
            }
        }
    }

    @Override
    void deactivateChildren() {}

    @Override
    void drainChildren() {}

    @Override
    void gone() {
        notifyChange();
    }
}
