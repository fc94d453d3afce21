package redoubt.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import redoubt.base.Heartbeat;
import redoubt.block.IoMemory;
import redoubt.metadata.RaidLevel;

/**
 * What a process that serves does beforehand so that memory which is short does not reach it. What a thread hands on to the threads that it makes, and
 * a process to the program that it runs, is asked for before there is a virtual machine: those threads of it that nobody
 * here starts have it too. Memory is locked last, when all of it is there. What was refused is not an error: the process serves, and says that it
 * is unsafe.
 *
 * @param unlocked why memory is not locked; empty if it is
 * @param notFrozen why something new may be needed yet: a class, compiled code; empty if nothing is
 */
record Precautions(Optional<String> unlocked, Optional<String> notFrozen) {

    private static final Path PROCESS = Path.of("/proc/self");
    private static final Path OOM_SCORE = PROCESS.resolve("oom_score_adj");
    private static final String NOT_REHEARSED = "classes are still loaded and code is still compiled";
    private static final long USUAL_REHEARSAL_NANOS = TimeUnit.SECONDS.toNanos(3);
    private static final int RESERVE_BYTES = 1 << 20;
    private static final int RESERVE_PIECE_BYTES = 64 << 10;
    private static final String NEVER_KILLED = "-1000";

    /** None: what a process is like that only looks on, or is a test. */
    static Precautions none() {
        return new Precautions(Optional.of("nobody asked for it"), Optional.of("nobody asked for it"));
    }

    /** On the thread that is about to run another program in its place. */
    static void beforeExec() {
        Libc.markIoFlusher();
        Libc.raiseLockedMemoryLimit();
        try {
            Files.writeString(OOM_SCORE, NEVER_KILLED, StandardCharsets.US_ASCII);
        } catch (IOException notAllowed) {
            return; // read back later, as all of this is
        }
    }

    /**
     * Makes this machine ready: plays what it will do, has it compile and load nothing from then on, and locks what it has. Where memory cannot be
     * locked all of that is in vain, and nothing is done.
     *
     * @param rehearsalNanos the longest time for the part of the rehearsal that has it compiled; 0 for no rehearsal; where it is empty there is one if
     *     it can make the process safe
     * @param unsafeHere why it would be unsafe all the same
     */
    static Precautions take(Plan plan, OptionalLong rehearsalNanos, List<String> unsafeHere) {
        ProcessFacts facts = ProcessFacts.of(PROCESS);
        if (!DataPlane.isHere()) {
            return new Precautions(Optional.of("this machine was not made for serving"), Optional.of(NOT_REHEARSED));
        }
        Optional<String> notLockable = whyNotLockable(facts);
        long nanos = rehearsalNanos.orElse(unsafeHere.isEmpty() ? USUAL_REHEARSAL_NANOS : 0);
        if (notLockable.isPresent() || nanos == 0) {
            // Without an end of compilation a lock would only keep what the compiler borrows.
            String because = rehearsalNanos.isPresent() ? "" : ", since it would be unsafe all the same";
            return new Precautions(
                    Optional.of(notLockable.orElse("there was no rehearsal" + because)), Optional.of(NOT_REHEARSED));
        }
        Optional<String> notFrozen = Optional.empty();
        try {
            Rehearsal.play(plan.heartbeat(), plan.memory(), plan.levels(), nanos);
            Rehearsal.firstTurns(plan.uris(), plan.control(), plan.dataThreads());
            Compilation.end();
        } catch (Rehearsal.Failed failed) {
            notFrozen = Optional.of(String.valueOf(failed.getMessage()));
        } catch (IOException refused) {
            notFrozen = Optional.of("compilation cannot be ended: " + refused.getMessage());
        }
        Libc.keepReserve(RESERVE_BYTES, RESERVE_PIECE_BYTES);
        return new Precautions(lock(facts), notFrozen);
    }

    /**
     * What there is to be made ready.
     *
     * @param levels of the arrays
     * @param uris where clients will come
     * @param control the control socket
     */
    record Plan(
            Heartbeat heartbeat,
            IoMemory memory,
            Set<RaidLevel> levels,
            List<String> uris,
            Path control,
            int dataThreads) {}

    private static Optional<String> whyNotLockable(ProcessFacts facts) {
        // With a limit, later mappings would fail although these went well.
        return facts.mayLock()
                ? Optional.empty()
                : Optional.of(
                        "the limit of locked memory is finite and the right to pass it is missing; give CAP_IPC_LOCK, or"
                                + " LimitMEMLOCK=infinity in a systemd unit");
    }

    /** Locks all memory, now and in future. */
    static Optional<String> lock(ProcessFacts facts) {
        Optional<String> why = whyNotLockable(facts);
        if (why.isPresent()) {
            return why;
        }
        return Libc.lockAllMemory(true) ? Optional.empty() : Optional.of("the system refuses");
    }
}
