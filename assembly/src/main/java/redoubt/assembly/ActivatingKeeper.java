package redoubt.assembly;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import redoubt.keeper.NativeKeeper;
import redoubt.md.MetadataKeeper;
import redoubt.metadata.MetadataEvent;

/**
 * A volume's keeper that records, with the first mark that the volume is dirty, which members are missing (mdadm, super-intel.c,
 * mark_missing): from then on they are old. Before the first write they are only late, and come back as they were.
 *
 * <p>Runs on the container's queue, but for {@link #activateNow}.
 */
final class ActivatingKeeper implements MetadataKeeper {

    private final NativeKeeper container;
    private final int volume;
    private final MetadataKeeper inner;
    private volatile boolean activated; // set on the queue, or before the array is started

    ActivatingKeeper(NativeKeeper container, int volume, MetadataKeeper inner) {
        this.container = container;
        this.volume = volume;
        this.inner = inner;
    }

    /** For a volume that is dirty already, whose writes will not ask: records it and waits. For control threads. */
    boolean activateNow(long limitNanos) {
        CountDownLatch answered = new CountDownLatch(1);
        AtomicBoolean recorded = new AtomicBoolean();
        container.post(new MetadataEvent.VolumeActivated(volume), durable -> {
            recorded.set(durable);
            answered.countDown();
        });
        try {
            activated = answered.await(limitNanos, TimeUnit.NANOSECONDS) && recorded.get();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        return activated;
    }

    @Override
    public void markDirty(Answer answer) {
        if (activated) {
            inner.markDirty(answer);
            return;
        }
        container.post(new MetadataEvent.VolumeActivated(volume), durable -> {
            if (durable) {
                activated = true;
                inner.markDirty(answer);
            } else {
                answer.recorded(false);
            }
        });
    }

    @Override
    public void markClean(Answer answer) {
        inner.markClean(answer);
    }

    @Override
    public void recordFailure(int slot, Answer answer) {
        inner.recordFailure(slot, answer);
    }
}
