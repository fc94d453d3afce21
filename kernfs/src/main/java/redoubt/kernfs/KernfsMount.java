package redoubt.kernfs;

import org.jspecify.annotations.Nullable;

/** One who mounted a tree and is told of its changes (Linux: a super block), until this is closed. */
public final class KernfsMount implements AutoCloseable {

    private final Subscriber subscriber;
    private final NotifyWork work;

    KernfsMount(Subscriber subscriber, NotifyWork work) {
        this.subscriber = subscriber;
        this.work = work;
    }

    void tell(KernfsNode node) {
        if (!subscriber.knows(node)) {
            return;
        }
        KernfsNode.Place place = node.place();
        if (node.state() == NodeState.UNLINKED) {
            subscriber.removed(node, place.name());
        } else if (node instanceof KernfsAttribute attribute) {
            KernfsDirectory parent = place.parent();
            subscriber.modified(attribute, known(parent), place.name());
        }
    }

    private @Nullable KernfsDirectory known(@Nullable KernfsDirectory parent) {
        return parent != null && subscriber.knows(parent) ? parent : null;
    }

    /**
     * The subscriber is not told of anything after this; waits while it is being told. The second call does nothing.
     *
     * @throws IllegalStateException from within the subscriber
     */
    @Override
    public void close() {
        work.unmount(this);
    }
}
