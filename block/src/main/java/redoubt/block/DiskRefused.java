package redoubt.block;

import java.nio.file.Path;

/**
 * A disk that will not be opened: it is not there, is no disk, is in use. One sentence that says what was refused, why, and what to
 * do about it.
 */
public final class DiskRefused extends Exception {

    /** Why, for whoever must answer with an exit code. */
    public enum Reason {
        /** There is nothing at this path. */
        ABSENT,
        /** What is there is neither a regular file nor a block device. */
        NOT_A_DISK,
        /** The user may not open it. */
        FORBIDDEN,
        /** Somebody else holds it: another engine, a mount, the kernel, or this engine by another path. */
        IN_USE,
        /** The operating system failed at it. */
        FAILED
    }

    private final Reason reason;

    /**
     * Refuses.
     *
     * @param path the disk as the user named it
     * @param because a clause with what to do: "it is a FIFO; give a file or a block device"
     */
    public DiskRefused(Reason reason, Path path, String because) {
        this(reason, "%s cannot be used as a disk: %s".formatted(path, because));
    }

    /** @param sentence names the disk itself, as one that is no path must */
    public DiskRefused(Reason reason, String sentence) {
        super(sentence);
        this.reason = reason;
    }

    /** Why. */
    public Reason reason() {
        return reason;
    }
}
