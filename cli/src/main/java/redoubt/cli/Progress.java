package redoubt.cli;

import java.util.function.LongSupplier;

/**
 * How far a long piece of work has come, on stderr: a bar that moves where a person looks at a terminal, else a plain line now and then.
 */
final class Progress {

    private static final int BAR_CHARS = 30;
    private static final long BAR_NANOS = 200_000_000L;
    private static final long LINE_NANOS = 10_000_000_000L;

    private final Console console;
    private final String what;
    private final long total;
    private final LongSupplier nanoTime;
    private final long start;
    private long shown;

    Progress(Console console, String what, long totalBytes) {
        this(console, what, totalBytes, System::nanoTime);
    }

    Progress(Console console, String what, long totalBytes, LongSupplier nanoTime) {
        this.console = console;
        this.what = what;
        this.total = totalBytes;
        this.nanoTime = nanoTime;
        this.start = nanoTime.getAsLong();
        this.shown = start;
    }

    /** So many bytes are done. */
    void at(long done) {
        long now = nanoTime.getAsLong();
        if (now - shown < (console.errIsTerminal() ? BAR_NANOS : LINE_NANOS)) {
            return;
        }
        shown = now;
        if (console.errIsTerminal()) {
            console.err().print("\r" + bar(done, now - start));
            console.err().flush();
        } else {
            console.say("%s: %d%%, %s of %s".formatted(what, percent(done), Sizes.shown(done), Sizes.shown(total)));
        }
    }

    private int percent(long done) {
        return total == 0 ? 100 : (int) (done * 100.0 / total);
    }

    private String bar(long done, long nanos) {
        int filled = percent(done) * BAR_CHARS / 100;
        double perSecond = done / Math.max(1e-3, nanos / 1e9);
        long left = perSecond == 0 ? 0 : Math.round((total - done) / perSecond);
        return "%s [%s>%s] %3d%%  %s/s  %d:%02d left  "
                .formatted(
                        what,
                        "=".repeat(filled),
                        " ".repeat(BAR_CHARS - filled),
                        percent(done),
                        Sizes.shown((long) perSecond),
                        left / 60,
                        left % 60);
    }

    /** It is over, well or not: what is said next begins a line. */
    void end() {
        if (console.errIsTerminal() && shown != start) {
            console.err().print("\r" + " ".repeat(BAR_CHARS + what.length() + 40) + "\r");
            console.err().flush();
        }
    }
}
