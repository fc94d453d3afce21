package redoubt.interop;

import org.jspecify.annotations.Nullable;

/** Something outside this process did not come, answer or end within its time limit. */
public final class TimeLimitPassed extends RuntimeException {
    public TimeLimitPassed(String message) {
        super(message);
    }

    public TimeLimitPassed(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
