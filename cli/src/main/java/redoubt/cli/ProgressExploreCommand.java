package redoubt.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import redoubt.explore.Bounds;
import redoubt.explore.Cell;
import redoubt.explore.Explorer;
import redoubt.explore.Trace;
import redoubt.explore.Verdict;

/** {@code redoubt progress explore}: plays the story of November 2023 in every order, and says which settings can hang. */
@Command(
        name = "explore",
        header = "Play the hang of November 2023 in every order.",
        sortOptions = false,
        description = {
            "",
            "Plays a write to a clean Intel array on a machine that is short of memory, with Redoubt's own workqueues, attribute tree,"
                    + " array and keepers, in every order in which its tasks can go on within the bounds that are printed.",
            "",
            "A cell is one setting of all switches. Without options all cells are searched, which takes some minutes; each"
                    + " option leaves only those with that setting. A cell that can hang is shown with the shortest schedule if it is the only one, or with --traces.",
            "",
            "Steps end where a task parks, allocates, waits for a worker or for a lock of the tree, or has done a piece of its worker's work. What"
                    + " happens between two such points is not cut further here."
        },
        footer = {
            "",
            "Examples:",
            "  redoubt progress explore --story",
            "  redoubt progress explore --story --keeper native",
            "  redoubt progress explore --keeper external --daemon stopped --json"
        })
final class ProgressExploreCommand extends Verb {

    @Option(names = "--story", description = "Only the cell of the story; options after it change a switch of that.")
    private boolean story;

    @Option(names = "--queue", description = "Where notifications are queued: ${COMPLETION-CANDIDATES}.")
    private Cell.@Nullable Queue queue;

    @Option(names = "--wake", description = "Who wakes pollers: ${COMPLETION-CANDIDATES}.")
    private Cell.@Nullable Wake wake;

    @Option(
            names = "--supers",
            description = "Whether an allocating task holds the supers lock: ${COMPLETION-CANDIDATES}.")
    private Cell.@Nullable Supers supers;

    @Option(names = "--creation", description = "What becomes of worker creation: ${COMPLETION-CANDIDATES}.")
    private Cell.@Nullable Creation creation;

    @Option(names = "--daemon", description = "How the metadata daemon fares: ${COMPLETION-CANDIDATES}.")
    private Cell.@Nullable Daemon daemon;

    @Option(names = "--flush", description = "How a flush reaches the array: ${COMPLETION-CANDIDATES}.")
    private Cell.@Nullable Flush flush;

    @Option(names = "--keeper", description = "Who keeps the metadata: ${COMPLETION-CANDIDATES}.")
    private Cell.@Nullable Keeper keeper;

    @Option(names = "--deeper", description = "Two writes, and timers that may go off at any moment.")
    private boolean deeper;

    @Option(names = "--traces", description = "Show the schedule of every cell that can hang.")
    private boolean traces;

    @Option(names = "--json", description = "Print a JSON document.")
    private boolean json;

    ProgressExploreCommand(Console console) {
        super(console);
    }

    record Setting(
            String queue, String wake, String supers, String creation, String daemon, String flush, String keeper) {
        static Setting of(Cell cell) {
            return new Setting(
                    word(cell.queue()),
                    word(cell.wake()),
                    word(cell.supers()),
                    word(cell.creation()),
                    word(cell.daemon()),
                    word(cell.flush()),
                    word(cell.keeper()));
        }
    }

    record Found(
            Setting cell,
            String verdict,
            int states,
            int transitions,
            @Nullable Trace trace) {
        static Found of(Verdict verdict) {
            return new Found(
                    Setting.of(verdict.cell()),
                    verdict.kind().words(),
                    verdict.states(),
                    verdict.transitions(),
                    verdict.trace().orElse(null));
        }
    }

    record Document(Json.OutputVersion outputVersion, Bounds bounds, List<Found> cells) {}

    @Override
    int run() throws Refused {
        Bounds bounds = deeper ? Bounds.deeper() : Bounds.usual();
        List<Cell> cells = cells();
        List<Verdict> verdicts;
        try {
            int processors = Runtime.getRuntime().availableProcessors();
            verdicts = Explorer.exploreAll(cells, bounds, Math.min(processors, cells.size()), found -> {});
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
            throw new Refused(ExitCode.TRY_AGAIN, "the search was interrupted");
        }
        if (json) {
            List<Found> found = verdicts.stream().map(Found::of).toList();
            Json.print(console().out(), new Document(Json.OutputVersion.of("progress explore"), bounds, found));
        } else {
            print(bounds, verdicts);
        }
        return ExitCode.DONE.number();
    }

    private List<Cell> cells() {
        Cell told = Cell.ofTheStory();
        List<Cell> cells = new ArrayList<>();
        for (Cell cell : Cell.all()) {
            boolean wanted = matches(cell, Cell::queue, queue, told)
                    && matches(cell, Cell::wake, wake, told)
                    && matches(cell, Cell::supers, supers, told)
                    && matches(cell, Cell::creation, creation, told)
                    && matches(cell, Cell::daemon, daemon, told)
                    && matches(cell, Cell::flush, flush, told)
                    && matches(cell, Cell::keeper, keeper, told);
            if (wanted && !cells.contains(cell.representative())) {
                cells.add(cell.representative());
            }
        }
        return cells;
    }

    private <S> boolean matches(Cell cell, Function<Cell, S> of, @Nullable S wanted, Cell told) {
        S asked = wanted == null && story ? of.apply(told) : wanted;
        return asked == null || asked.equals(of.apply(cell));
    }

    private void print(Bounds bounds, List<Verdict> verdicts) {
        console()
                .print(
                        "Bounds: writes %d, notifies of another attribute %d, rounds of timers before all stand still %d, states %d."
                                .formatted(bounds.writes(), bounds.notifies(), bounds.earlyRounds(), bounds.states()));
        console()
                .print(
                        "Steps end at parks, allocations, waits for workers and locks of the tree, and pieces of a worker's work.");
        console()
                .print(
                        "Cells that differ only in a switch which nothing in them asks are one: without a daemon, --daemon and --wake;"
                                + " with a stopped one, --wake; and a daemon that is held is one that allocates.");
        console().print("");
        for (Verdict verdict : verdicts) {
            Setting cell = Setting.of(verdict.cell());
            console()
                    .print(
                            "keeper %s, daemon %s, wake %s, queue %s, supers %s, creation %s, flush %s: %s (%d states, %d steps)"
                                    .formatted(
                                            cell.keeper(),
                                            cell.daemon(),
                                            cell.wake(),
                                            cell.queue(),
                                            cell.supers(),
                                            cell.creation(),
                                            cell.flush(),
                                            verdict.kind().words(),
                                            verdict.states(),
                                            verdict.transitions()));
            if (traces || verdicts.size() == 1) {
                verdict.trace().ifPresent(this::print);
            }
        }
    }

    private void print(Trace trace) {
        console().print("");
        console().print("The schedule:");
        for (Trace.Step step : trace.steps()) {
            String who = step.pid() == 0 ? "a round of timers" : "%s (%d)".formatted(step.task(), step.pid());
            console().print("  " + who + (step.did().isEmpty() ? "" : ": " + String.join("; ", step.did())));
        }
        console().print("");
        console().print("Who stands where:");
        for (Trace.Stuck stuck : trace.tasks()) {
            console().print("  PID: %-5d COMMAND: \"%s\"".formatted(stuck.pid(), stuck.task()));
            int depth = 0;
            for (String frame : stuck.frames()) {
                console().print("   #%d %s".formatted(depth++, frame));
            }
        }
        console().print("");
        console().print("Who waits for whom:");
        for (Trace.Link link : trace.chain()) {
            console().print("  %s %s".formatted(link.who(), link.waits()));
        }
        console().print("");
    }

    private static String word(Enum<?> setting) {
        return setting.name().toLowerCase(Locale.ROOT);
    }
}
