package redoubt.cli;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Pattern;
import javax.management.JMException;
import javax.management.ObjectName;

/**
 * The end of compilation: what is compiled stays and runs on at its speed, nothing more is compiled. A compiler that meets a page fault in a famine
 * would stop the whole machine, as soon as somebody wants a safepoint.
 */
final class Compilation {

    private static final String NOTHING =
            "[{ \"match\": [\"*.*\"], \"c1\": { \"Exclude\": true }, \"c2\": { \"Exclude\": true } }]";
    private static final String COMMANDS = "com.sun.management:type=DiagnosticCommand";

    /** What is being compiled, and what waits for it, stands on a line of its own. */
    private static final Pattern WORK = Pattern.compile("(?m)^(C[12] CompilerThread|\\d+ )");

    private static final long QUEUE_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final long RETURN_NANOS = TimeUnit.MILLISECONDS.toNanos(5200);
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

    private Compilation() {}

    /** Waits for what is to be compiled, and has nothing compiled from then on. */
    static void end() throws IOException {
        Path directive = Files.createTempFile("redoubt", ".json");
        try {
            Files.writeString(directive, NOTHING, StandardCharsets.US_ASCII);
            awaitIdle();
            String told = tell("compilerDirectivesAdd", directive.toString());
            if (!told.contains("1 compiler directives added")) {
                throw new IOException(told.strip());
            }
            awaitIdle();
            awaitReturn();
        } catch (JMException missing) {
            throw new IOException(missing.toString(), missing);
        } finally {
            Files.delete(directive);
        }
    }

    /** Some limit there must be: whatever is compiled yet after that is counted, and said. */
    private static void awaitIdle() throws JMException {
        long begin = System.nanoTime();
        while (WORK.matcher(tell("compilerQueue")).find() && System.nanoTime() - begin < QUEUE_LIMIT_NANOS) {
            LockSupport.parkNanos(LOOK_NANOS);
        }
    }

    /** What a compiler borrowed, the machine keeps for the next time and looks every five seconds whether it is still needed. */
    private static void awaitReturn() {
        long begin = System.nanoTime();
        long left = RETURN_NANOS;
        while (left > 0) {
            LockSupport.parkNanos(left);
            left = RETURN_NANOS - (System.nanoTime() - begin);
        }
    }

    private static String tell(String command, String... words) throws JMException {
        return String.valueOf(ManagementFactory.getPlatformMBeanServer()
                .invoke(new ObjectName(COMMANDS), command, new Object[] {words}, new String[] {String[].class.getName()
                }));
    }
}
