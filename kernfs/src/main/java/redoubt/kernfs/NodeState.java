package redoubt.kernfs;

/** The life of a node, which goes through these in this order and skips but never repeats; a hidden attribute alone goes back. */
public enum NodeState {
    /** Not there yet, or hidden: cannot be found and gives no active reference. */
    UNACTIVATED,
    /** Can be found and used. */
    ACTIVE,
    /** Gives no active reference any more; those that are out are waited for. */
    REMOVING,
    /** Out of the tree. Files that are open on it answer ENODEV. */
    UNLINKED
}
