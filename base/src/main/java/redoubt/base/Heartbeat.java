package redoubt.base;

/**
 * The one timer of a process: calls every registered {@link Beat} about once a period, on one thread that exists before the
 * first request. There are no timer objects on the data path; whoever has a deadline keeps it in a field and looks at it in
 * its beat. What a deadline costs is at most one period of lateness.
 */
public interface Heartbeat {

    /** Adds a beat; it is called from the next round on. */
    void register(Beat beat);

    /** Takes a beat away; a round under way may still call it once. */
    void unregister(Beat beat);

    /** The clock whose time the beats are told. */
    Clock clock();
}
