package redoubt.assembly;

/** What a disk is opened for, and so which lock it needs. */
public enum Access {
    /** To look once: nothing is locked, nothing is written. */
    LOOK,
    /** To serve it read-only: nobody may write it meanwhile, and nothing is written. */
    READ,
    /** To write it: nobody else may have it. */
    WRITE;

    /** Whether nothing is ever written. */
    public boolean readOnly() {
        return this != WRITE;
    }
}
