package redoubt.explore;

/**
 * How far a search goes.
 *
 * @param writes how many writes there are: the log write of the file system, and if there are two, one of an application
 * @param notifies how many changes of another attribute are told of, 0 or 1
 * @param earlyRounds how many rounds of timers may come while somebody else could go on; when nobody can, time always goes on
 * @param states after how many states the search of a cell gives up
 */
public record Bounds(int writes, int notifies, int earlyRounds, int states) {

    /** Refuses what cannot be. */
    public Bounds {
        if (writes < 1 || writes > 2 || notifies < 0 || notifies > 1 || earlyRounds < 0 || states < 1) {
            throw new IllegalArgumentException("one or two writes, at most one notify, and no bound below zero");
        }
    }

    /** What a table is made with: the log write, one notify, and timers when nobody else can go on. */
    public static Bounds usual() {
        return new Bounds(1, 1, 0, 20_000);
    }

    /** A second write, and a round of timers at any moment. */
    public static Bounds deeper() {
        return new Bounds(2, 1, 1, 200_000);
    }
}
