package redoubt.fuse;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import org.jspecify.annotations.Nullable;
import redoubt.kernfs.KernfsNode;
import redoubt.kernfs.OpenFile;
import redoubt.kernfs.Watcher;

/**
 * The place of one open file or directory of the mount, used again and again.
 *
 * <p><b>Waking pollers.</b> The kernel asks once what poll(2) shall say; if somebody waits it asks to be told when to ask again. Who
 * asks stores {@link #armed} and then looks at the event count; who notifies raises the count and then looks at {@code armed}: one of
 * the two sees the other. The word to the kernel is written on the notifier's own thread, from memory that was there before; the call copies 24
 * bytes and wakes, and waits for nothing.
 *
 * <p>{@code armed} is never taken back by somebody who saw the event himself: another poller of the same file may be waiting for the
 * notifier that is just on its way. A wake-up too many costs a question.
 *
 * <p>Field legend. A: any thread; H: written under the table's lock while nobody has the handle.
 */
final class AttributeHandle implements Watcher {

    private static final AtomicIntegerFieldUpdater<AttributeHandle> ARMED =
            AtomicIntegerFieldUpdater.newUpdater(AttributeHandle.class, "armed");

    final int index;
    private final FuseChannel channel;
    private final MemorySegment message;
    private final long messageAddress;

    int generation; // H
    int bytes; // H: what the open file counts in the table's budget
    int opener; // H: the thread that opened it
    boolean taken; // H
    volatile @Nullable OpenFile file; // H
    volatile @Nullable List<KernfsNode> listing; // A: an immutable list, replaced whole

    @SuppressWarnings("UnusedVariable") // through its updater
    private volatile int armed; // A

    /** With memory for one word to the kernel. */
    AttributeHandle(FuseChannel channel, int index, MemorySegment message) {
        this.channel = channel;
        this.index = index;
        this.message = message;
        this.messageAddress = message.address();
        message.set(ValueLayout.JAVA_INT, 0, Wire.NOTIFY_POLL_BYTES);
        message.set(ValueLayout.JAVA_INT, 4, Wire.NOTIFY_POLL);
        message.set(ValueLayout.JAVA_LONG, 8, 0);
    }

    /** The name under which requests come. */
    long number() {
        return (long) generation << 32 | index;
    }

    /** Somebody waits: the next event is told to the kernel under this name of its own. */
    void arm(long kernelHandle) {
        // The kernel's name for an open file never changes, so whoever is just telling it reads the same.
        message.set(ValueLayout.JAVA_LONG, Wire.OUT_HEADER_BYTES, kernelHandle);
        armed = 1;
    }

    void disarm() {
        armed = 0;
    }

    @Override
    public void changed(OpenFile changedFile) {
        if (ARMED.compareAndSet(this, 1, 0)) {
            channel.send(messageAddress, Wire.NOTIFY_POLL_BYTES);
        }
    }
}
