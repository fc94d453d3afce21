package redoubt.keeper;

/** A daemon that does one thing at a time, when it is its turn, and can be stopped between any two. */
public interface SteppedDaemon extends AutoCloseable {

    /** As what the engine knows it. */
    Incarnation incarnation();

    /** SIGSTOP, once it has done so many actions. */
    void stopAfter(int count);

    /** SIGCONT. */
    void goOn();

    /** How many it has done. */
    int actions();

    /** Does the next thing; answers whether there was one. */
    boolean runOne() throws Exception;

    @Override
    default void close() {}
}
