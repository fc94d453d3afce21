package redoubt.fuse;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Counts how often some files are open to be written, all of them together: files that one user has as one, such as the doors of a daemon. Any
 * thread.
 */
public final class FuseWriters {

    private final AtomicInteger open = new AtomicInteger();
    private final Runnable gone;

    /**
     * Nobody yet.
     *
     * @param gone called when there were writers, and there is none any more: they have closed the files, or died. On a thread of the mount, so
     *     it must not wait
     */
    public FuseWriters(Runnable gone) {
        this.gone = gone;
    }

    void came() {
        open.incrementAndGet();
    }

    void left() {
        if (open.decrementAndGet() == 0) {
            gone.run();
        }
    }
}
