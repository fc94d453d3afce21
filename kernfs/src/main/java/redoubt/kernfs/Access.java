package redoubt.kernfs;

/** What an attribute is opened for. */
public enum Access {
    /** To read and watch. */
    READ,
    /** To write. */
    WRITE,
    /** Both. */
    READ_WRITE;

    /** Whether it may be read. */
    public boolean reads() {
        return this != WRITE;
    }

    /** Whether it may be written. */
    public boolean writes() {
        return this != READ;
    }
}
