package redoubt.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
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
    private static final int RETIRED_LARGEST_BYTES = 1 << 20;
    private static final int RETIRED_SMALLEST_BYTES = 8 << 10;
    private static final int LOOKS_AT_MEMORY = 5;
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
        spare(OOM_SCORE);
    }

    /** A process that somebody has made less likely to be killed (OOMScoreAdjust in a systemd unit) stays as he wants it. */
    static void spare(Path oomScore) {
        try {
            if (!Files.readString(oomScore, StandardCharsets.US_ASCII).startsWith("-")) {
                Files.writeString(oomScore, NEVER_KILLED, StandardCharsets.US_ASCII);
            }
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
            Optional<String> noRing = Rehearsal.play(plan.heartbeat(), plan.memory(), plan.levels(), nanos);
            notFrozen = notPlayed(plan.service().health().byRing() > 0, noRing);
            Rehearsal.firstTurns(plan.service(), plan.dataThreads());
            Compilation.end();
        } catch (Rehearsal.Failed failed) {
            notFrozen = Optional.of(String.valueOf(failed.getMessage()));
        } catch (IOException refused) {
            notFrozen = Optional.of("compilation cannot be ended: " + refused.getMessage());
        }
        return new Precautions(lock(facts), notFrozen);
    }

    /** What of a rehearsal was missing, although it came to its end. */
    static Optional<String> notPlayed(boolean membersByRing, Optional<String> noRing) {
        return noRing.filter(why -> membersByRing)
                .map(why ->
                        "members are reached by io_uring, which was not rehearsed, because files in memory cannot be reached so here"
                                + " (before Linux 6.6): " + why);
    }

    /**
     * What there is to be made ready.
     *
     * @param levels of the arrays
     * @param service what will serve them, and lets nobody in yet
     */
    record Plan(Heartbeat heartbeat, IoMemory memory, Set<RaidLevel> levels, Service service, int dataThreads) {}

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
        // What is free goes back first, for what is locked stays. The reserve comes after that, for the machine gives
        // back what it finds free and not locked.
        List<Libc.Piece> retired = Libc.retireFree(RETIRED_LARGEST_BYTES, RETIRED_SMALLEST_BYTES);
        if (!Libc.lockAllMemory(true)) {
            return Optional.of("the system refuses");
        }
        Libc.keepReserve(RESERVE_BYTES, RESERVE_PIECE_BYTES);
        try {
            boolean all = false;
            for (int i = 0;
                    i < LOOKS_AT_MEMORY && !all;
                    i++) { // a thread of the rehearsal may just end, and its stack go
                all = haveAll(Files.readAllLines(PROCESS.resolve("maps")), retired);
            }
            return all ? Optional.empty() : Optional.of("the system refuses to have all of it there");
        } catch (IOException unseen) {
            return Optional.of("what memory there is cannot be seen: " + unseen.getMessage());
        }
    }

    /**
     * What can be written is there from now on, also where nobody has written yet: the machine still fills its own books.
     *
     * @param retired what nobody will write to
     */
    private static boolean haveAll(List<String> maps, List<Libc.Piece> retired) {
        List<Libc.Piece> gaps = retired.stream()
                .sorted(Comparator.comparingLong(Libc.Piece::address))
                .toList();
        boolean all = true;
        for (String map : maps) {
            // 7f00-7f10 rw-p 00000000 00:00 0  [heap]
            String[] words = map.split(" ", 3);
            if (words.length == 3 && words[1].matches("rw.p")) {
                String[] ends = words[0].split("-", 2);
                long from = Long.parseUnsignedLong(ends[0], 16);
                long to = Long.parseUnsignedLong(ends[1], 16);
                for (Libc.Piece gap : gaps) {
                    if (gap.address() >= from && gap.address() < to) {
                        all &= gap.address() == from || Libc.populate(from, gap.address() - from);
                        from = gap.address() + gap.bytes();
                    }
                }
                all &= from == to || Libc.populate(from, to - from);
            }
        }
        return all;
    }
}
