package redoubt.kernfs;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * An attribute that somebody has open (Linux, fs/kernfs/file.c).
 *
 * <p><b>Reading.</b> A read at position 0 calls the show once and keeps what it wrote; reads further on give the rest of that. Writing
 * calls the store once. Operations on one file come one after another; two files on one attribute do not wait for each other. If the
 * attribute is preallocated neither allocates anything: the memory was taken when the file was opened.
 *
 * <p><b>Watching.</b> A read at position 0 notes the attribute's event count <i>before</i> the show, so a change during the show is not
 * lost: read, poll, read again. {@link #poll} compares and notes nothing. Any number of events between two polls is one.
 *
 * <p><b>Locks.</b> The file's lock is taken before the active reference, and both before whatever the show or store takes. {@link #poll}
 * and being told of events take none. Field legend. L: under the lock; A: any thread.
 */
public final class OpenFile implements AutoCloseable {

    /** Can be read: always said. */
    public static final int POLL_IN = 1;
    /** Something changed since the last read at position 0, or the node is gone. */
    public static final int POLL_PRI = 2;
    /** Can be written: always said. */
    public static final int POLL_OUT = 4;
    /** Comes with {@link #POLL_PRI}, as in the kernel. */
    public static final int POLL_ERR = 8;

    /** What read and write answer when {@link #refusal} has more to say. */
    public static final int REFUSED = -1;

    private static final int ALWAYS = POLL_IN | POLL_OUT;
    private static final long RECHECK_NANOS = 100_000_000L;
    private static final Outcome GONE = Outcome.refused(Errno.ENODEV, "the attribute is gone");
    private static final Outcome CLOSED = Outcome.refused(Errno.ENODEV, "the file was closed");
    private static final Outcome NOT_OPEN_FOR_IT =
            Outcome.refused(Errno.EACCES, "the attribute was not opened for that");
    private static final Outcome TOO_LONG =
            Outcome.refused(Errno.E2BIG, "the value is longer than the attribute takes whole");

    private static final AtomicIntegerFieldUpdater<OpenFile> RELEASED =
            AtomicIntegerFieldUpdater.newUpdater(OpenFile.class, "released");

    private final KernfsAttribute attribute;
    private final ReentrantLock lock = new ReentrantLock();
    private final Access access;
    private @Nullable AttributeText shown; // L: from the start if preallocated, else from the first read
    private final @Nullable AttributeValue stored; // L: if preallocated
    private boolean generated; // L: whether what was shown is there to be read on
    private Outcome refusal = Outcome.OK; // L, read by the thread that was refused
    private boolean closed; // L
    private volatile long seenEvents; // A: written under the lock
    private volatile @Nullable Thread runner; // A: written under the lock
    private volatile @Nullable Watcher watcher; // A
    private volatile int released; // A

    OpenFile(KernfsAttribute attribute, Access access) {
        this.attribute = attribute;
        this.access = access;
        boolean now = attribute.isPreallocated();
        this.shown = now && access.reads() ? new AttributeText(attribute.showBytes() - 1) : null;
        this.stored = now && access.writes() ? new AttributeValue(attribute.storeBytes()) : null;
    }

    /** The attribute. */
    public KernfsAttribute attribute() {
        return attribute;
    }

    /**
     * Reads into {@code target} what fits from {@code position} on.
     *
     * @return bytes read, 0 at the end, or {@link #REFUSED}
     */
    public int read(long position, ByteBuffer target) {
        lock.lock();
        try {
            if (closed || !access.reads()) {
                return refuse(closed ? CLOSED : NOT_OPEN_FOR_IT);
            }
            AttributeText text = textToShow();
            if (position == 0 || !generated) {
                Outcome outcome = show(text);
                generated = outcome.ok();
                if (!generated) {
                    return refuse(outcome);
                }
            } else if (isGone()) {
                return refuse(GONE);
            }
            if (position < 0 || position >= text.length()) {
                return 0;
            }
            int count = Math.min(target.remaining(), text.length() - (int) position);
            target.put(text.bytes(), (int) position, count);
            return count;
        } finally {
            lock.unlock();
        }
    }

    private AttributeText textToShow() {
        AttributeText text = shown;
        if (text == null) {
            text = new AttributeText(attribute.showBytes() - 1);
            shown = text;
        }
        return text;
    }

    private boolean isGone() {
        return released != 0 || !attribute.isActive();
    }

    private Outcome show(AttributeText text) {
        if (released != 0 || !attribute.getActive()) {
            return GONE;
        }
        Thread outer = runner;
        runner = Thread.currentThread();
        try {
            noteEvents();
            text.clear();
            return attribute.runShow(text);
        } finally {
            runner = outer;
            attribute.putActive();
        }
    }

    private void noteEvents() {
        seenEvents = attribute.events();
    }

    /**
     * Writes what {@code source} holds in one store. What is longer than the attribute takes is cut, and the rest left in {@code source}; or
     * refused with E2BIG, if it takes values whole. Nothing at all is not stored.
     *
     * @return bytes taken, or {@link #REFUSED}
     */
    public int write(ByteBuffer source) {
        lock.lock();
        try {
            if (closed || !access.writes()) {
                return refuse(closed ? CLOSED : NOT_OPEN_FOR_IT);
            }
            int length = source.remaining();
            if (length > attribute.storeBytes()) {
                if (attribute.takesWhole()) {
                    return refuse(TOO_LONG);
                }
                length = attribute.storeBytes();
            }
            AttributeValue value = stored == null ? new AttributeValue(length) : stored;
            if (released != 0 || !attribute.getActive()) {
                return refuse(GONE);
            }
            Thread outer = runner;
            runner = Thread.currentThread();
            try {
                int taken = value.take(source);
                if (taken == 0) {
                    return 0;
                }
                Outcome outcome = attribute.runStore(value);
                return outcome.ok() ? taken : refuse(outcome);
            } finally {
                runner = outer;
                attribute.putActive();
            }
        } finally {
            lock.unlock();
        }
    }

    private int refuse(Outcome because) {
        refusal = because;
        return REFUSED;
    }

    /** Why the last read or write of this file, by the same thread, was refused. */
    public Outcome refusal() {
        return refusal;
    }

    /**
     * From within this file's own show or store: removes the attribute.
     *
     * @return true to the first who asks; others are answered false when it is done
     */
    public boolean removeSelf() {
        if (runner != Thread.currentThread()) {
            throw new IllegalStateException(
                    "only an operation of '" + attribute.path() + "' may remove it from within");
        }
        return attribute.removeFromWithin();
    }

    /** From within an operation of this file: puts the active reference back meanwhile, and with it the right to be waited for. */
    void unprotected(Runnable meanwhile) {
        Thread self = runner;
        runner = null;
        try {
            attribute.unprotected(meanwhile);
        } finally {
            runner = self;
        }
    }

    /** Whether this call was the first. */
    boolean markReleased() {
        return RELEASED.compareAndSet(this, 0, 1);
    }

    boolean isRunOn(Thread thread) {
        return runner == thread;
    }

    /** What {@code poll(2)} would say: a set of the POLL bits. */
    public int poll() {
        boolean changed = isGone() || attribute.events() != seenEvents;
        return changed ? ALWAYS | POLL_PRI | POLL_ERR : ALWAYS;
    }

    /** Events since the last read at position 0; those before the first read are not known and count as one. */
    public long eventsMissed() {
        long seen = seenEvents;
        return seen == 0 ? 1 : attribute.events() - seen;
    }

    /**
     * Names the one who is told of each event; look with {@link #poll} after this, for what came before it is not told again. A notifier that
     * has begun may tell it once more after {@link #close}.
     */
    public void watch(Watcher newWatcher) {
        watcher = newWatcher;
    }

    void tellWatcher() {
        Watcher present = watcher;
        if (present != null) {
            present.changed(this);
        }
    }

    /**
     * Waits until {@link #poll} says {@link #POLL_PRI}, and is this file's watcher for good. For threads that may wait.
     *
     * @return whether it did within the limit
     */
    public boolean awaitChange(long limitNanos) {
        Thread self = Thread.currentThread();
        watch(file -> LockSupport.unpark(self));
        long start = System.nanoTime();
        while ((poll() & POLL_PRI) == 0) {
            long left = limitNanos - (System.nanoTime() - start);
            if (left <= 0 || self.isInterrupted()) {
                return false;
            }
            LockSupport.parkNanos(this, Math.min(left, RECHECK_NANOS));
        }
        return true;
    }

    /** Lets go of the attribute. Later operations are refused; the second call does nothing. */
    @Override
    public void close() {
        lock.lock();
        try {
            if (!closed) {
                closed = true;
                watcher = null;
                attribute.closed(this);
            }
        } finally {
            lock.unlock();
        }
    }
}
