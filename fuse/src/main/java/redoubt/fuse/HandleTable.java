package redoubt.fuse;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import redoubt.kernfs.KernfsNode;
import redoubt.kernfs.OpenFile;

/**
 * The open files and directories of a mount: a fixed number of places, and a limit to the memory that open attributes take together.
 * {@link #find} takes no lock, the rest one under which nothing is called. Field legend. L: under the lock.
 */
final class HandleTable {

    private final AttributeHandle[] handles;
    private final int[] freePlaces; // L
    private int freeCount; // L
    private int bytesLeft; // L
    private final ReentrantLock lock = new ReentrantLock();

    /** With so many places, whose open files may take so many bytes. */
    HandleTable(FuseChannel channel, int capacity, int limitBytes) {
        MemorySegment messages = Arena.ofAuto().allocate((long) capacity * Wire.NOTIFY_POLL_BYTES, Long.BYTES);
        handles = new AttributeHandle[capacity];
        freePlaces = new int[capacity];
        bytesLeft = limitBytes;
        for (int place = capacity - 1; place >= 0; place--) {
            handles[place] = new AttributeHandle(
                    channel, place, messages.asSlice((long) place * Wire.NOTIFY_POLL_BYTES, Wire.NOTIFY_POLL_BYTES));
            freePlaces[freeCount++] = place;
        }
    }

    /** The open file of this number; null if it is not open. */
    @Nullable
    AttributeHandle find(long number) {
        int place = (int) number;
        if (place < 0 || place >= handles.length) {
            return null;
        }
        AttributeHandle handle = handles[place];
        boolean open = handle.file != null || handle.listing != null;
        return open && handle.number() == number ? handle : null;
    }

    /**
     * Sets a place aside for a file that will take so many bytes; null if there is none, or if whoever opens it has as much open as is left for all others: nobody
     * may take the last of anything.
     *
     * @param opener the thread that opens it, as the kernel knows it
     */
    @Nullable
    AttributeHandle take(int bytes, int opener) {
        lock.lock();
        try {
            int places = 0;
            int held = 0;
            for (AttributeHandle each : handles) {
                if (each.taken && each.opener == opener) {
                    places++;
                    held += each.bytes;
                }
            }
            if (places >= freeCount || bytes > bytesLeft || (held > 0 && held + bytes > bytesLeft)) {
                return null;
            }
            bytesLeft -= bytes;
            AttributeHandle handle = handles[freePlaces[--freeCount]];
            handle.generation = (handle.generation + 1) & Integer.MAX_VALUE;
            handle.bytes = bytes;
            handle.opener = opener;
            handle.taken = true;
            return handle;
        } finally {
            lock.unlock();
        }
    }

    /** Fills a place that was set aside. */
    static void fill(AttributeHandle handle, @Nullable OpenFile file, @Nullable List<KernfsNode> listing) {
        handle.listing = listing;
        handle.file = file;
        if (file != null) {
            file.watch(handle);
        }
    }

    /** Closes what is open there, and frees the place. */
    void release(AttributeHandle handle) {
        OpenFile file = handle.file;
        if (file != null) {
            file.close();
        }
        lock.lock();
        try {
            handle.disarm();
            handle.file = null;
            handle.listing = null;
            bytesLeft += handle.bytes;
            handle.bytes = 0;
            handle.taken = false;
            freePlaces[freeCount++] = handle.index;
        } finally {
            lock.unlock();
        }
    }

    /** Closes all that is open; nobody asks any more. */
    void closeAll() {
        for (AttributeHandle handle : handles) {
            if (handle.file != null || handle.listing != null) {
                release(handle);
            }
        }
    }

    /** How many are open. */
    int open() {
        lock.lock();
        try {
            return handles.length - freeCount;
        } finally {
            lock.unlock();
        }
    }
}
