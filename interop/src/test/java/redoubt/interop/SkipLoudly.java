package redoubt.interop;

import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.LifecycleMethodExecutionExceptionHandler;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;
import org.opentest4j.TestAbortedException;

/**
 * Makes a missing peer a skipped test whose reason names the package to install. Where {@code redoubt.interop.required} is
 * {@code true}, a missing peer is a failure: a server that checks releases must not pass because it lacks its judges.
 */
final class SkipLoudly implements TestExecutionExceptionHandler, LifecycleMethodExecutionExceptionHandler {
    @Override
    public void handleTestExecutionException(ExtensionContext context, Throwable thrown) throws Throwable {
        throw judged(context, thrown);
    }

    @Override
    public void handleBeforeAllMethodExecutionException(ExtensionContext context, Throwable thrown) throws Throwable {
        throw judged(context, thrown);
    }

    @Override
    public void handleBeforeEachMethodExecutionException(ExtensionContext context, Throwable thrown) throws Throwable {
        throw judged(context, thrown);
    }

    static Throwable judged(ExtensionContext context, Throwable thrown) {
        if (!(thrown instanceof PeerMissing) || Boolean.getBoolean("redoubt.interop.required")) {
            return thrown;
        }
        System.err.printf("SKIPPED %s: %s%n", context.getDisplayName(), thrown.getMessage());
        return new TestAbortedException(thrown.getMessage(), thrown);
    }
}
