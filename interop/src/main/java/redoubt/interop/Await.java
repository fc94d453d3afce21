package redoubt.interop;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/**
 * The one place where interop waits for something that cannot announce itself: a socket of another process, a device
 * node. Whatever is waited for is named, so that a wait in vain says what did not come.
 */
public final class Await {
    private static final long POLL_NANOS = Duration.ofMillis(10).toNanos();

    private Await() {}

    /** A condition that may fail to answer, which counts as "not yet". */
    @FunctionalInterface
    public interface Condition {
        boolean holds() throws Exception;
    }

    /** Returns as soon as the condition holds; throws {@link TimeLimitPassed} when the limit passes first. */
    public static void until(String what, Duration limit, Condition condition) {
        long deadline = System.nanoTime() + limit.toNanos();
        Exception last = null;
        do {
            try {
                if (condition.holds()) {
                    return;
                }
                last = null;
            } catch (Exception e) {
                last = e;
            }
            LockSupport.parkNanos(POLL_NANOS);
            if (Thread.currentThread().isInterrupted()) {
                throw new TimeLimitPassed("interrupted while waiting for " + what, last);
            }
        } while (System.nanoTime() < deadline);
        throw new TimeLimitPassed("waited %d ms in vain for %s".formatted(limit.toMillis(), what), last);
    }
}
