package redoubt.interop;

import java.util.stream.Stream;

/** An array as a client meets it: a level, with all its members or without one. */
record Export(Level level, boolean isDegraded) {
    /** A member that every redundant level here can miss. */
    private static final int LOST = 1;

    /** Every level healthy, and degraded where it can be. */
    static Stream<Export> all() {
        return Stream.of(Level.values())
                .flatMap(level -> Stream.of(new Export(level, false), new Export(level, true)))
                .filter(export -> export.level.isRedundant || !export.isDegraded);
    }

    /** Creates the array and serves it. */
    RedoubtProcess serve(Scratch scratch) {
        RedoubtArray array = RedoubtArray.create(scratch, level, "--assume-clean");
        return isDegraded ? array.serveWithout(LOST, "--allow-degraded") : array.serve();
    }

    @Override
    public String toString() {
        return level + (isDegraded ? " degraded" : "");
    }
}
