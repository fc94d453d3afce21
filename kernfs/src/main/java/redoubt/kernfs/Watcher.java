package redoubt.kernfs;

/** Who is told, at once and on the notifier's own thread, that an attribute changed. */
@FunctionalInterface
public interface Watcher {

    /**
     * The attribute of this file changed, or is gone: {@link OpenFile#poll} says which. Allocates nothing, takes no lock, never blocks:
     * it marks and wakes somebody else.
     */
    void changed(OpenFile file);
}
