package redoubt.kernfs;

import org.jspecify.annotations.Nullable;

/**
 * Who mounted a tree and wants to be told of what changes in it, as inotify tells in Linux: later than pollers, from the tree's queue, and of
 * several changes at once. All methods are called one at a time. Who is slow here holds up other subscribers of the tree, and whoever
 * wants to mount or unmount it; no notifier, and no poller.
 */
public interface Subscriber {

    /** Called once, while the tree is being mounted and nobody is told of anything: what is prepared here is there before the first change. */
    default void mounted() {}

    /** Whether this one has met the node; of one that it has not it is not told. */
    default boolean knows(KernfsNode node) {
        return true;
    }

    /**
     * The value changed, perhaps more than once, since this was last said.
     *
     * @param parent where it stands, if this one has met that
     * @param name what it is called there
     */
    void modified(KernfsAttribute attribute, @Nullable KernfsDirectory parent, String name);

    /** The node is gone, and all operations of it are over. */
    default void removed(KernfsNode node, String lastName) {}
}
