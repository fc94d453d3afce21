package redoubt.kernfs;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * The nodes of which subscribers are to be told, newest first, linked through themselves. A node is in it once at most; it is in it exactly
 * while its link is not null, which is why the end of the list is not null but {@link #END}: the last node would otherwise look as if it were
 * in no list, and be put in a second time.
 *
 * <p>Any thread puts in, without a lock: who makes a node's link END owns the node until it is in the list. One worker takes the whole list,
 * so that a node that is notified again and again starves nobody, and then the nodes out of it one by one. Who finds a node in the list
 * may go away: between the fence before its look and the fence after {@link #release} one of the two sees the other, so what it stored
 * before is seen by who tells of the node after.
 */
final class NotifyList {

    /** Stands behind the last node. */
    static final KernfsNode END = new KernfsDirectory("the end of the list");

    private static final VarHandle HEAD;
    private static final VarHandle LINK;

    static {
        try {
            HEAD = MethodHandles.lookup().findVarHandle(NotifyList.class, "head", KernfsNode.class);
            LINK = MethodHandles.lookup().findVarHandle(KernfsNode.class, "link", KernfsNode.class);
        } catch (ReflectiveOperationException impossible) {
            throw new ExceptionInInitializerError(impossible);
        }
    }

    private volatile KernfsNode head = END; // A

    /**
     * Puts the node in.
     *
     * @return whether this call did; if not, it is there already
     */
    boolean push(KernfsNode node) {
        VarHandle.fullFence();
        if (!LINK.compareAndSet(node, (KernfsNode) null, END)) {
            return false;
        }
        KernfsNode first;
        do {
            first = head;
            node.link = first;
        } while (!HEAD.compareAndSet(this, first, node));
        return true;
    }

    /** The newest of all nodes, which are in no list of anybody else's any more, or {@link #END}. For one worker. */
    KernfsNode takeAll() {
        return (KernfsNode) HEAD.getAndSet(this, END);
    }

    /** How many nodes are in it, or one more than the limit. For the one worker: as nobody else takes nodes out, what it sees stays linked. */
    int length(int limit) {
        int length = 0;
        for (KernfsNode node = head; node != null && node != END && length <= limit; node = node.link) {
            length++;
        }
        return length;
    }

    /**
     * Takes a node out: from now on it can be put in again.
     *
     * @return the next one, or {@link #END}
     */
    static KernfsNode release(KernfsNode node) {
        KernfsNode next = node.link;
        node.link = null;
        VarHandle.fullFence();
        return next == null ? END : next;
    }
}
