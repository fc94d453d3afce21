package redoubt.testkit;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** The one place where tests wait: for a condition, with a limit, never for a time. */
public final class Waiting {

    private static final long LOOK_AGAIN_NANOS = 200_000;

    private Waiting() {}

    /** Waits until the condition holds, for what other threads bring about. */
    public static void until(String what, BooleanSupplier condition) {
        await(what, condition, null, Asker.PATIENCE);
    }

    /** Waits until the condition holds, with a patience of one's own. */
    public static void until(String what, BooleanSupplier condition, Duration patience) {
        await(what, condition, null, patience);
    }

    /**
     * Waits until the condition holds.
     *
     * @param what the condition in words, for the failure
     * @param step brings things on by one step where the test is the scheduler, and answers whether there was one; null where threads do
     */
    public static void until(String what, BooleanSupplier condition, @Nullable BooleanSupplier step) {
        await(what, condition, step, Asker.PATIENCE);
    }

    private static void await(
            String what, BooleanSupplier condition, @Nullable BooleanSupplier step, Duration patience) {
        long deadline = System.nanoTime() + patience.toNanos();
        while (!condition.getAsBoolean()) {
            if (step != null) {
                if (!step.getAsBoolean() && !condition.getAsBoolean()) {
                    throw new AssertionError("nothing moves any more, and it is not true that " + what);
                }
            } else if (System.nanoTime() - deadline > 0) {
                throw new AssertionError("after " + patience + " it is not true that " + what);
            } else {
                LockSupport.parkNanos(LOOK_AGAIN_NANOS);
            }
        }
    }
}
