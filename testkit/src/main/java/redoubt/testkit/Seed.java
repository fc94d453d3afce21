package redoubt.testkit;

/** Where the seeds of random tests come from: the property {@code redoubt.seed}, which replays a failure, or the clock. */
public final class Seed {

    private Seed() {}

    /** A seed; whoever takes it says it in every failure. */
    public static long next() {
        Long given = Long.getLong("redoubt.seed");
        return given != null ? given : System.nanoTime();
    }
}
