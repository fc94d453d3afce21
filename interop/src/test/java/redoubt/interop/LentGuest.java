package redoubt.interop;

import java.util.concurrent.ConcurrentLinkedDeque;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.opentest4j.TestAbortedException;

/**
 * The Linux guests of a run. A test that asks for one by a parameter has it to itself until it ends, and then the next has it: so there
 * are as many as tests run beside each other, each booted when it is first asked for, and booted anew after a test that left it in
 * disorder.
 */
final class LentGuest implements ParameterResolver {
    private static final Namespace NAMESPACE = Namespace.create(LentGuest.class);

    /** Closed by JUnit when the run is over. */
    private static final class Guests implements AutoCloseable {
        private final ConcurrentLinkedDeque<LinuxGuest> idle = new ConcurrentLinkedDeque<>();

        Loan lend() {
            LinuxGuest guest = idle.poll();
            if (guest != null && !isInOrder(guest)) {
                guest.close();
                guest = null;
            }
            if (guest == null) {
                guest = LinuxGuest.boot();
                System.err.printf(
                        "the Linux guest took %d ms to boot%n", guest.bootTime().toMillis());
            }
            return new Loan(this, guest);
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
        public void close() {
            idle.forEach(LinuxGuest::close);
        }
    }

    /** A guest in the hands of one test; closed by JUnit when that is over. */
    private record Loan(Guests owner, LinuxGuest guest) implements AutoCloseable {
        @Override
        public void close() {
            owner.idle.push(guest);
        }
    }

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        return parameter.getParameter().getType() == LinuxGuest.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
        try {
            Guests guests = context.getRoot()
                    .getStore(NAMESPACE)
                    .computeIfAbsent(Guests.class, key -> new Guests(), Guests.class);
            return context.getStore(NAMESPACE)
                    .computeIfAbsent(Loan.class, key -> guests.lend(), Loan.class)
                    .guest();
        } catch (PeerMissing e) {
            // An exception of a parameter resolver reaches no handler, so it is judged here.
            Throwable judged = SkipLoudly.judged(context, e);
            throw judged instanceof TestAbortedException skipped ? skipped : e;
        }
    }
}
