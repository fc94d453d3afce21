package redoubt.block;

/**
 * How a request ended. A disk's failure is an ordinary value, because every level must have an answer to it; nothing on the
 * data path throws.
 */
public enum IoStatus {
    /** Done. */
    OK,
    /** The device said it could not (EIO, a short transfer that would not continue, a file that shrank). */
    IO_ERROR,
    /** The device has no room for the write (ENOSPC, EDQUOT). */
    NO_SPACE,
    /** The device did not answer within its time limit; it may still do the work later, into quarantined memory. */
    TIMED_OUT,
    /** The range or the alignment is not one this device has: the asker's mistake, never a reason to fail a member. */
    INVALID,
    /** A write to something that is served read-only. */
    READ_ONLY,
    /** The device does not do this operation quickly, or at all; nothing was changed. */
    UNSUPPORTED,
    /** The device was closed or its lane abandoned before the request was started. */
    GONE;

    /** Whether the request did what it asked. */
    public boolean ok() {
        return this == OK;
    }

    /** Whether this ending says something about the health of the device, and not about the asker. */
    public boolean blamesDevice() {
        return switch (this) {
            case IO_ERROR, NO_SPACE, TIMED_OUT, GONE -> true;
            case OK, INVALID, READ_ONLY, UNSUPPORTED -> false;
        };
    }
}
