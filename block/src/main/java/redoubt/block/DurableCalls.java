package redoubt.block;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The calls of one lane that make something durable, flushes and durable writes, and which of them may be believed.
 *
 * <p>Linux tells of a page that could not be written once for each open file, and of a disk that could not flush its cache whoever asked. Of two
 * calls at once one hears it, the other is told success for the same data. So each call has a number; one that fails spoils all that
 * began before its failure was known; and a success is kept back while a call is under way that began before the success came.
 *
 * <p>A call that begins and one that ends need no lock: the failure is stored before the place is emptied, and whoever waits looks at the
 * places first and at the failure second.
 */
final class DurableCalls {

    private static final long SLEEP_LIMIT_NANOS = 100_000_000L;

    /** For each place the number of the call that is with the kernel, or 0. A: written by the place's thread, read by all. */
    private final AtomicLongArray underWay;

    /** For each place the number of its last call, and of the last that began before that one had come back. L. */
    private final long[] own;

    private final long[] until;

    private final AtomicReferenceArray<@Nullable Thread> waiting;
    private final AtomicLong numbers = new AtomicLong();
    private final AtomicLong failedAt = new AtomicLong();
    private final WriteBehind behind;

    /** As many calls as there are places can be with the kernel at a time. */
    DurableCalls(int places, WriteBehind behind) {
        this.behind = behind;
        underWay = new AtomicLongArray(places);
        own = new long[places];
        until = new long[places];
        waiting = new AtomicReferenceArray<>(places);
    }

    /** A call goes to the kernel. */
    void begin(int place) {
        own[place] = numbers.incrementAndGet();
        underWay.set(place, own[place]);
    }

    /** Whether the place's call has begun and not ended. */
    boolean runs(int place) {
        return underWay.get(place) != 0;
    }

    /** The call came back. */
    void end(int place, boolean well) {
        until[place] = numbers.get();
        if (!well) {
            long seen = failedAt.get();
            while (seen < until[place] && !failedAt.compareAndSet(seen, until[place])) {
                seen = failedAt.get();
            }
        }
        underWay.set(place, 0);
        for (int i = 0; i < waiting.length(); i++) {
            Thread waits = waiting.get(i);
            if (waits != null) {
                LockSupport.unpark(waits);
            }
        }
    }

    /** Whether what was written before the place's last call, which has ended, is durable; null as long as that is not certain. */
    @Nullable
    IoStatus verdict(int place) {
        boolean certain = true;
        for (int i = 0; i < underWay.length(); i++) {
            long number = underWay.get(i);
            certain &= number == 0 || number > until[place];
        }
        if (behind.hasLost() || own[place] <= failedAt.get()) {
            return IoStatus.IO_ERROR;
        }
        return certain ? IoStatus.OK : null;
    }

    /** Waits for the verdict, on a thread that may wait for the kernel; not longer than somebody waits for the call. */
    IoStatus awaitVerdict(int place, Call call) {
        IoStatus found = verdict(place);
        if (found != null) {
            return found;
        }
        waiting.set(place, Thread.currentThread());
        try {
            while (call.wanted()) {
                found = verdict(place);
                if (found != null) {
                    return found;
                }
                LockSupport.parkNanos(this, SLEEP_LIMIT_NANOS);
            }
            return IoStatus.TIMED_OUT;
        } finally {
            waiting.set(place, null);
        }
    }
}
