package redoubt.cli;

import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Sees when the compiler has nothing more to do: it has hardly worked for a while. For one thread. */
final class CompilerRest {

    private static final long WHILE_NANOS = TimeUnit.MILLISECONDS.toNanos(300);
    private static final long HARDLY_MILLIS = 15;

    private final @Nullable CompilationMXBean compiler = ManagementFactory.getCompilationMXBean();
    private long sinceNanos = System.nanoTime();
    private long millisThen = millis();

    private long millis() {
        return compiler == null ? 0 : compiler.getTotalCompilationTime();
    }

    /** Whether it is so. */
    boolean reached() {
        long now = System.nanoTime();
        if (now - sinceNanos < WHILE_NANOS) {
            return false;
        }
        long millis = millis();
        boolean rests = millis - millisThen < HARDLY_MILLIS;
        sinceNanos = now;
        millisThen = millis;
        return rests;
    }
}
