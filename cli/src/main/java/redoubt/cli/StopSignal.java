package redoubt.cli;

import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import redoubt.base.Threads;

/**
 * The wish that the process ends, from wherever it comes first: SIGTERM, SIGINT, or the control socket.
 *
 * <p>On a signal the virtual machine runs its shutdown hooks and would then end with 128 + the signal. Our hook passes the wish on to the
 * thread that waits in {@link #await}, waits until that one is done, and ends the process with its exit code.
 */
final class StopSignal {

    private static final long DONE_LIMIT_SECONDS = 60;

    private final CountDownLatch wished = new CountDownLatch(1);
    private final CountDownLatch done = new CountDownLatch(1);
    private volatile int exitCode;

    /** What a process does until it ends. */
    interface Work {
        /** Works until the signal comes or there is nothing left to do; answers the exit code. */
        int until(StopSignal signal) throws Refused, IOException;
    }

    /** Listens to signals during the work, and from then on until the process ends, which it does with the work's exit code. */
    static int during(Console console, Work work) throws Refused, IOException {
        StopSignal signal = new StopSignal();
        Threads.atExit("redoubt-stop", signal::shutDown);
        int code = ExitCode.BUG.number();
        try {
            code = work.until(signal);
        } catch (Refused refused) {
            code = refused.exitCode();
            throw refused;
        } catch (IOException broken) {
            code = ExitCode.IO.number();
            throw broken;
        } finally {
            console.out().flush();
            console.err().flush();
            signal.done(code);
        }
        return code;
    }

    private void shutDown() {
        if (done.getCount() == 0) {
            return; // the process ends by itself, with its own exit code
        }
        wish();
        try {
            boolean ended = done.await(DONE_LIMIT_SECONDS, TimeUnit.SECONDS);
            Runtime.getRuntime().halt(ended ? exitCode : ExitCode.IO.number());
        } catch (InterruptedException interrupted) {
            Runtime.getRuntime().halt(ExitCode.BUG.number());
        }
    }

    /** Somebody wants the process to end. Any thread; does not wait. */
    void wish() {
        wished.countDown();
    }

    /** Waits until somebody wants the process to end. */
    void await() {
        boolean waiting = true;
        while (waiting) {
            try {
                wished.await();
                waiting = false;
            } catch (InterruptedException notAWish) {
                // Nobody interrupts this thread on purpose; go on waiting.
                waiting = wished.getCount() > 0;
            }
        }
    }

    /** All is put in order. */
    private void done(int code) {
        exitCode = code;
        done.countDown();
    }
}
