package redoubt.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/**
 * What Linux says of a process under {@code /proc}. What cannot be read is absent, and never a zero.
 *
 * <pre>
 * status:          "VmLck:   12 kB"   memory that is never taken away   "VmRSS:"  memory in use   "VmSwap:"  memory that was taken away
 *                  "CapEff:  1ff"     rights, a bit each
 * limits:          "Max locked memory  8388608  8388608  bytes", soft limit first
 * oom_score_adj:   -1000 where the process is never killed to get memory
 * stat, task/N/stat, behind the last ')':  state, five numbers, flags, minor faults, one number, major faults
 * </pre>
 *
 * @param addressBytes memory that has an address, whether there is any behind it or not
 * @param lockedBytes memory that is locked
 * @param residentBytes memory that is in use
 * @param swappedBytes memory that lies in swap
 * @param minorFaults pages that had to be found, since the process began
 * @param majorFaults pages that had to be read
 * @param threads how many threads there are
 * @param flusherThreads how many of them are marked as I/O flushers, so that an allocation of theirs never waits for I/O
 * @param mayLock whether as much memory may be locked as there is: by right (CAP_IPC_LOCK) or by limit
 * @param oomScoreAdjustment how likely the process is killed to get memory
 */
record ProcessFacts(
        OptionalLong addressBytes,
        OptionalLong lockedBytes,
        OptionalLong residentBytes,
        OptionalLong swappedBytes,
        OptionalLong minorFaults,
        OptionalLong majorFaults,
        OptionalLong threads,
        OptionalLong flusherThreads,
        boolean mayLock,
        OptionalLong oomScoreAdjustment) {

    /** PF_MEMALLOC_NOIO and PF_LOCAL_THROTTLE, which prctl(PR_SET_IO_FLUSHER) sets together. */
    private static final long IO_FLUSHER_FLAGS = 0x0008_0000L | 0x0010_0000L;

    private static final long CAP_IPC_LOCK = 1L << 14;
    private static final String LOCK_LIMIT = "Max locked memory";

    private static final int FLAGS = 6;
    private static final int MINOR_FAULTS = 7;
    private static final int MAJOR_FAULTS = 9;

    /** @param process its directory, such as {@code /proc/self} */
    static ProcessFacts of(Path process) {
        String status = text(process.resolve("status"));
        String[] stat = numbers(process.resolve("stat"));
        long threads = 0;
        long flushers = 0;
        boolean seen = false;
        try (DirectoryStream<Path> tasks = Files.newDirectoryStream(process.resolve("task"))) {
            for (Path task : tasks) {
                OptionalLong flags = number(numbers(task.resolve("stat")), FLAGS);
                if (flags.isPresent()) {
                    seen = true;
                    threads++;
                    flushers += (flags.getAsLong() & IO_FLUSHER_FLAGS) == IO_FLUSHER_FLAGS ? 1 : 0;
                }
            }
        } catch (IOException | java.nio.file.DirectoryIteratorException nothingThere) {
            seen = false;
        }
        return new ProcessFacts(
                kib(status, "VmSize:"),
                kib(status, "VmLck:"),
                kib(status, "VmRSS:"),
                kib(status, "VmSwap:"),
                number(stat, MINOR_FAULTS),
                number(stat, MAJOR_FAULTS),
                seen ? OptionalLong.of(threads) : OptionalLong.empty(),
                seen ? OptionalLong.of(flushers) : OptionalLong.empty(),
                mayLock(status, text(process.resolve("limits"))),
                number(text(process.resolve("oom_score_adj")).strip()));
    }

    private static boolean mayLock(String status, String limits) {
        boolean right = status.lines()
                .filter(line -> line.startsWith("CapEff:"))
                .map(line -> line.substring("CapEff:".length()).strip())
                .anyMatch(
                        hex -> hex.matches("[0-9a-f]{1,16}") && (Long.parseUnsignedLong(hex, 16) & CAP_IPC_LOCK) != 0);
        return right
                || limits.lines()
                        .filter(line -> line.startsWith(LOCK_LIMIT))
                        .anyMatch(line ->
                                line.substring(LOCK_LIMIT.length()).strip().startsWith("unlimited"));
    }

    private static String text(Path file) {
        try {
            return Files.readString(file, StandardCharsets.ISO_8859_1);
        } catch (IOException absent) {
            return "";
        }
    }

    /** A thread's name may hold blanks and brackets. */
    private static String[] numbers(Path stat) {
        String text = text(stat);
        int end = text.lastIndexOf(')');
        return end < 0 ? new String[0] : text.substring(end + 1).strip().split(" ");
    }

    private static OptionalLong number(String[] words, int at) {
        return at < words.length ? number(words[at]) : OptionalLong.empty();
    }

    private static OptionalLong number(String word) {
        try {
            return OptionalLong.of(Long.parseLong(word));
        } catch (NumberFormatException none) {
            return OptionalLong.empty();
        }
    }

    private static OptionalLong kib(String status, String label) {
        return status.lines()
                .filter(line -> line.startsWith(label) && line.endsWith(" kB"))
                .map(line -> number(line.substring(label.length(), line.length() - " kB".length())
                        .strip()))
                .flatMapToLong(OptionalLong::stream)
                .map(kib -> kib * 1024)
                .findFirst();
    }
}
