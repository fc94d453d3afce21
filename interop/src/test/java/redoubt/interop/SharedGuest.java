package redoubt.interop;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.opentest4j.TestAbortedException;

/**
 * One Linux guest for all tests of a run, booted when the first of them asks for it by a parameter, and booted anew after a
 * test that left it in disorder.
 */
final class SharedGuest implements ParameterResolver {
    private static final Namespace NAMESPACE = Namespace.create(SharedGuest.class);

    /** Closed by JUnit when the run is over. */
    private static final class Holder implements AutoCloseable {
        private @Nullable LinuxGuest guest; // absent until first asked for

        synchronized LinuxGuest inOrder() {
            if (guest != null && !isInOrder(guest)) {
                guest.close();
                guest = null;
            }
            if (guest == null) {
                guest = LinuxGuest.boot();
                System.err.printf(
                        "the Linux guest took %d ms to boot%n", guest.bootTime().toMillis());
            }
            return guest;
        }

        private static boolean isInOrder(LinuxGuest guest) {
            if (guest.isGivenUp()) {
                return false;
            }
            try {
                return guest.run("! ls /dev/vd* 2>/dev/null && ! grep ^md /proc/mdstat && ! mdmon_runs")
                                .exitCode()
                        == 0;
            } catch (RuntimeException e) {
                return false;
            }
        }

        @Override
        public synchronized void close() {
            if (guest != null) {
                guest.close();
            }
        }
    }

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        return parameter.getParameter().getType() == LinuxGuest.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
        try {
            return context.getRoot()
                    .getStore(NAMESPACE)
                    .computeIfAbsent(Holder.class, key -> new Holder(), Holder.class)
                    .inOrder();
        } catch (PeerMissing e) {
            // An exception of a parameter resolver reaches no handler, so it is judged here.
            Throwable judged = SkipLoudly.judged(context, e);
            throw judged instanceof TestAbortedException skipped ? skipped : e;
        }
    }
}
