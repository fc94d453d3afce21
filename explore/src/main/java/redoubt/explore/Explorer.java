package redoubt.explore;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;

/** Searches cells, several at a time. For tools and tests: it starts threads and takes all the memory it likes. */
public final class Explorer {

    private Explorer() {}

    /** Searches one cell, which may take a second or so. */
    public static Verdict explore(Cell cell, Bounds bounds) throws InterruptedException {
        return exploreAll(List.of(cell), bounds, 1, verdict -> {}).getFirst();
    }

    /**
     * Searches cells, each for itself.
     *
     * @param atOnce how many searches run beside each other
     * @param found told of each verdict when it is there, on any thread
     * @return the verdicts in the order of the cells
     */
    public static List<Verdict> exploreAll(List<Cell> cells, Bounds bounds, int atOnce, Consumer<Verdict> found)
            throws InterruptedException {
        try (ExecutorService searches =
                Executors.newFixedThreadPool(atOnce, Thread.ofVirtual().factory())) { // tidy: as the stage
            List<Future<Verdict>> begun = new ArrayList<>();
            for (Cell cell : cells) {
                begun.add(searches.submit(() -> {
                    Verdict verdict = new Search(cell, bounds).run();
                    found.accept(verdict);
                    return verdict;
                }));
            }
            List<Verdict> verdicts = new ArrayList<>();
            for (Future<Verdict> one : begun) {
                verdicts.add(one.get());
            }
            return verdicts;
        } catch (ExecutionException failed) {
            throw new IllegalStateException("a search failed", failed.getCause());
        }
    }
}
