package redoubt.fuse;

import java.util.IdentityHashMap;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import redoubt.kernfs.KernfsNode;

/**
 * The numbers under which the kernel knows nodes. It counts how often it was told one and says how often it forgets it; a number is free again
 * when both counts agree. Its generation then rises, so that a number and a generation together are never used twice.
 *
 * <p>{@link #node} takes no lock, the rest a lock under which nothing is called. Field legend. L: under the lock.
 */
final class NodeTable {

    /** What {@link #tell} answers when there is no room. */
    static final long FULL = 0;

    private final AtomicReferenceArray<@Nullable KernfsNode> nodes; // written under the lock
    private final IdentityHashMap<KernfsNode, Integer> places; // L
    private final long[] told; // L
    private final int[] generations; // L
    private final int[] freePlaces; // L
    private int freeCount; // L
    private final ReentrantLock lock = new ReentrantLock();

    /** With room for so many nodes that the kernel knows at once; the root it knows for good. */
    NodeTable(int capacity, KernfsNode root) {
        nodes = new AtomicReferenceArray<>(capacity);
        places = new IdentityHashMap<>(capacity);
        told = new long[capacity];
        generations = new int[capacity];
        freePlaces = new int[capacity];
        for (int place = capacity - 1; place > 0; place--) {
            freePlaces[freeCount++] = place;
        }
        nodes.set(0, root);
        places.put(root, 0);
    }

    /** The node of this number; null if the kernel was never told it, or has forgotten it. */
    @Nullable
    KernfsNode node(long number) {
        return number >= Wire.ROOT_NODE && number <= nodes.length() ? nodes.get((int) (number - Wire.ROOT_NODE)) : null;
    }

    /** The number that the kernel is told now, once more; {@link #FULL} if it knows too many. */
    long tell(KernfsNode node) {
        lock.lock();
        try {
            Integer known = places.get(node);
            if (known == null) {
                if (freeCount == 0) {
                    return FULL;
                }
                known = freePlaces[--freeCount];
                places.put(node, known);
                generations[known]++;
                told[known] = 0;
                nodes.set(known, node);
            }
            told[known]++;
            return known + Wire.ROOT_NODE;
        } finally {
            lock.unlock();
        }
    }

    /** The generation of a number that the kernel knows. */
    long generation(long number) {
        lock.lock();
        try {
            return generations[(int) (number - Wire.ROOT_NODE)];
        } finally {
            lock.unlock();
        }
    }

    /** The kernel forgets this often that it was told the number. More often than it was is as often. */
    void forget(long number, long times) {
        if (number <= Wire.ROOT_NODE || number > nodes.length()) {
            return;
        }
        int place = (int) (number - Wire.ROOT_NODE);
        lock.lock();
        try {
            KernfsNode node = nodes.get(place);
            if (node == null) {
                return;
            }
            told[place] = times < 0 || times >= told[place] ? 0 : told[place] - times;
            if (told[place] == 0) {
                nodes.set(place, null);
                places.remove(node);
                freePlaces[freeCount++] = place;
            }
        } finally {
            lock.unlock();
        }
    }

    /** How many nodes the kernel knows, the root among them. */
    int known() {
        lock.lock();
        try {
            return places.size();
        } finally {
            lock.unlock();
        }
    }
}
