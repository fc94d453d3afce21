package redoubt.control;

import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * The attribute tree of a running engine, as its clients see it: the command line, and a metadata daemon. Over the socket every call has a limit,
 * over a mount the kernel waits as long as the engine lives; one that does not answer is an {@link IOException}. For one thread at a time, but
 * for {@link #wake}.
 */
public interface Attributes extends AutoCloseable {

    /**
     * The present value, with its newline.
     *
     * @throws AttributeRefused if it cannot be shown
     */
    String read(String path) throws IOException, AttributeRefused;

    /**
     * Stores a value.
     *
     * @throws AttributeRefused if it is not taken
     */
    void write(String path, String value) throws IOException, AttributeRefused;

    /**
     * What is in a directory, by name.
     *
     * @throws AttributeRefused if it is none
     */
    List<Entry> list(String path) throws IOException, AttributeRefused;

    /**
     * Where a link leads, seen from the directory it is in; also when nothing is there any more.
     *
     * @throws AttributeRefused if it is no link
     */
    String readlink(String path) throws IOException, AttributeRefused;

    /**
     * Asks to be told of changes; one that happened before the attribute was read counts. Read it after this.
     *
     * @throws AttributeRefused if there is no such attribute, or too many are watched
     */
    void watch(String path) throws IOException, AttributeRefused;

    /** The next change of a watched attribute, or nothing within the limit. */
    Optional<Change> awaitChange(long limitNanos) throws IOException;

    /**
     * Ends a wait in {@link #awaitChange}, the present one or else the next, as if its limit had passed. The one thing that any thread may call.
     */
    void wake();

    /** Lets go. */
    @Override
    void close();

    /** The kinds of entries. */
    enum Kind {
        /** Holds others. */
        DIRECTORY,
        /** Has a value. */
        ATTRIBUTE,
        /** Stands for another. */
        LINK
    }

    /** What a directory holds. */
    record Entry(String name, Kind kind) {}

    /**
     * A watched attribute changed.
     *
     * @param events how often since the last time this was said; more than 1 means that some were not told one by one
     */
    record Change(String path, long events) {}
}
