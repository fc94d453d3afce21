package redoubt.kernfs;

/** Why an attribute was not shown or stored, in the kernel's words: tools of the field know these. */
public enum Errno {
    /** No such node. */
    ENOENT(2),
    /** The disk could not. */
    EIO(5),
    /** Longer than the attribute takes at once. */
    E2BIG(7),
    /** Not now; try again. */
    EAGAIN(11),
    /** The node cannot be opened for that. */
    EACCES(13),
    /** Not while it is in this state, or not while it is in use. */
    EBUSY(16),
    /** There is a node of that name already. */
    EEXIST(17),
    /** The node is gone, or on its way out. */
    ENODEV(19),
    /** A directory was needed. */
    ENOTDIR(20),
    /** An attribute was needed. */
    EISDIR(21),
    /** Not a value that the attribute takes. */
    EINVAL(22),
    /** No room. */
    ENOSPC(28),
    /** Read-only. */
    EROFS(30),
    /** A path or a name longer than there can be. */
    ENAMETOOLONG(36),
    /** Not something this engine does. */
    EOPNOTSUPP(95);

    private final int number;

    Errno(int number) {
        this.number = number;
    }

    /** Linux' number for it. */
    public int number() {
        return number;
    }
}
