package redoubt.md;

import redoubt.block.IoMemory;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;

/** What an array gives its personality. Every method may be called from any thread, allocates nothing and never blocks. */
public interface PersonalityHost {

    /** Sets {@code children} requests aside, or none and answers false: then {@link #waitForChildren}. */
    boolean reserve(int children);

    /** One of the requests that were reserved. */
    IoRequest child();

    /** Gives up reservations that were not taken. */
    void unreserve(int children);

    /** Parks the parent until requests have come back; it is then submitted again under the view of that moment. */
    void waitForChildren(IoRequest parent);

    /**
     * Takes note of how a child of the member in {@code slot} ended, on the parent and on the member; the personality then frees the
     * child. A member that fails a write, or does not answer, is failed from here.
     *
     * @return whether this was the last child: then the personality calls {@link #childrenSettled}
     */
    boolean childEnded(IoRequest parent, IoRequest child, int slot);

    /** All children have ended: settles the parent, or has it done again when a member failed under it. */
    void childrenSettled(IoRequest parent);

    /** Settles a parent that needs no member: out of range of what is left, nothing to do. */
    void finished(IoRequest parent, IoStatus how);

    /** The array at this moment: for a request that has waited within the personality and goes on. */
    ArrayView view();

    /**
     * The slots in sync in {@link #view()} whose members have not been found faulty since: bit k is slot k. A member is out of this set before
     * the personality is told that the child which it failed was the last one. In a broken array, where reads are tried, all that is in
     * sync is sound.
     */
    long soundSlots();

    /** Where scratch memory comes from; at construction of the personality only. */
    IoMemory memory();
}
