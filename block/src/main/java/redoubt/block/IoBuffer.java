package redoubt.block;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import redoubt.base.Bug;

/**
 * A piece of {@link IoMemory}, with a count of those who may still touch it. Whoever took it holds it once; every request that
 * carries it holds it too, until the device is done with the memory, which after a time-out may be long after the request was
 * settled.
 *
 * <p>{@link #retain} and {@link #release} may be called from any thread; the content belongs to whoever the request says.
 */
public final class IoBuffer {

    private static final Bug FREE = Bug.of("a free buffer was retained");
    private static final Bug RELEASED_TWICE = Bug.of("a buffer was released more often than held");

    private static final AtomicIntegerFieldUpdater<IoBuffer> HOLDERS =
            AtomicIntegerFieldUpdater.newUpdater(IoBuffer.class, "holders");

    private final IoMemory memory;
    final int shelf;
    final int index;
    private final int position;
    private final int capacity;
    private final long address;
    private volatile int holders;

    IoBuffer(IoMemory memory, int shelf, int index, int position, int capacity) {
        this.memory = memory;
        this.shelf = shelf;
        this.index = index;
        this.position = position;
        this.capacity = capacity;
        this.address = memory.segment().address() + position;
    }

    /** The memory this is a piece of. */
    public IoMemory memory() {
        return memory;
    }

    /** The first byte's place within {@link IoMemory#newView()}. */
    public int position() {
        return position;
    }

    /** How many bytes it holds. */
    public int capacity() {
        return capacity;
    }

    /** The first byte's native address. */
    public long address() {
        return address;
    }

    /** The whole memory; this buffer's bytes begin at {@link #position()}. */
    public MemorySegment segment() {
        return memory.segment();
    }

    /** Whether somebody besides the caller may still touch the content. */
    public boolean shared() {
        return holders > 1;
    }

    /** One more holder. */
    public void retain() {
        if (HOLDERS.getAndIncrement(this) <= 0) {
            throw FREE;
        }
    }

    /** One holder less; the last one gives the buffer back. */
    public void release() {
        int left = HOLDERS.decrementAndGet(this);
        if (left == 0) {
            memory.giveBack(this);
        } else if (left < 0) {
            throw RELEASED_TWICE;
        }
    }

    void taken() {
        holders = 1;
    }
}
