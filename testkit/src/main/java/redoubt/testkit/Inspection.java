package redoubt.testkit;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import redoubt.block.IoMemory;
import redoubt.block.IoRequestPool;

/**
 * Looks, after each test, at what the test has left: no request is out, no buffer, no thread that was not there before. Every test that
 * registers it is then also a test for leaks:
 *
 * <pre>{@code
 * @RegisterExtension
 * final Inspection inspection = new Inspection();
 * ...
 * inspection.watch("requests", pool).watch("memory", memory).expect("the mirrors agree", () -> mirrorsAgree());
 * }</pre>
 *
 * <p>Rooms above add what they know with {@link #expect}. It looks after the test's own {@code @AfterEach}, and gives threads that are
 * just ending their time. Not for several threads.
 */
public final class Inspection implements BeforeEachCallback, AfterEachCallback, AutoCloseable {

    /** Threads that belong to the virtual machine or to those who run the tests. */
    private static final Pattern NOT_OURS = Pattern.compile(
            "(junit|surefire|process reaper|Common-Cleaner|Cleaner-|Reference Handler|Finalizer|Signal Dispatcher"
                    + "|ForkJoinPool|Attach Listener|Notification Thread|ping-|main|last-ditch|process-).*");

    private record Expectation(String what, BooleanSupplier holds) {}

    private final List<Expectation> expectations = new ArrayList<>();
    private final Set<Thread> before = new HashSet<>();

    private final Duration patience;

    /** Notes the threads that are there: for use without JUnit, in try-with-resources. */
    public Inspection() {
        this(Asker.PATIENCE);
    }

    /** As above, with another patience for what is just ending. */
    public Inspection(Duration patience) {
        this.patience = patience;
        noteThreads();
    }

    private void noteThreads() {
        before.clear();
        before.addAll(Thread.getAllStackTraces().keySet());
    }

    /** Demands that every request of the pool comes back. */
    public Inspection watch(String what, IoRequestPool pool) {
        return expect("all requests of " + what + " are back", () -> pool.free() == pool.total());
    }

    /** Demands that every buffer comes back. */
    public Inspection watch(String what, IoMemory memory) {
        return expect("all buffers of " + what + " are back", () -> memory.free() == memory.total());
    }

    /** Demands anything else, in the end and not before: it may come true a moment after the test. */
    public Inspection expect(String what, BooleanSupplier holds) {
        expectations.add(new Expectation(what, holds));
        return this;
    }

    /** Looks now. */
    public void inspect() {
        for (Expectation expectation : expectations) {
            Waiting.until(expectation.what, expectation.holds, patience);
        }
        Waiting.until(
                "only threads run that ran before: " + strangers(),
                () -> strangers().isEmpty(),
                patience);
    }

    /** Looks now, and forgets what it was told: for a test that goes round often, each time with something new. */
    public void settle() {
        inspect();
        expectations.clear();
    }

    private List<String> strangers() {
        List<String> names = new ArrayList<>();
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (!before.contains(thread)
                    && thread.isAlive()
                    && !NOT_OURS.matcher(thread.getName()).matches()) {
                names.add(thread.getName());
            }
        }
        return names;
    }

    @Override
    public void beforeEach(ExtensionContext context) {
        expectations.clear();
        noteThreads();
    }

    @Override
    public void afterEach(ExtensionContext context) {
        if (context.getExecutionException().isEmpty()) {
            inspect();
        }
    }

    @Override
    public void close() {
        inspect();
    }
}
