package redoubt.explore;

import java.util.Optional;

/**
 * What was found out about one cell.
 *
 * @param kind the verdict
 * @param states how many states were met
 * @param transitions how many steps were taken from them
 * @param replays how often the scenario was played from its start
 * @param trace of a hang: how it comes about, by the fewest steps
 */
public record Verdict(
        Cell cell, Bounds bounds, Kind kind, int states, int transitions, int replays, Optional<Trace> trace) {

    /** The verdicts. */
    public enum Kind {
        /** There is a schedule after which a write does not end, though everybody who can go on does, and time too. */
        CAN_HANG("can hang"),
        /** Every schedule within the bounds was gone through, and every write ends. */
        ALWAYS_FINISHES("always finishes"),
        /** No hang was met, and not everything was gone through. */
        NO_HANG_FOUND("no hang found");

        private final String words;

        Kind(String words) {
            this.words = words;
        }

        /** In words. */
        public String words() {
            return words;
        }
    }

    static Verdict canHang(Cell cell, Bounds bounds, int states, int transitions, int replays, Trace trace) {
        return new Verdict(cell, bounds, Kind.CAN_HANG, states, transitions, replays, Optional.of(trace));
    }

    static Verdict noHang(Cell cell, Bounds bounds, boolean exhausted, int states, int transitions, int replays) {
        Kind kind = exhausted ? Kind.ALWAYS_FINISHES : Kind.NO_HANG_FOUND;
        return new Verdict(cell, bounds, kind, states, transitions, replays, Optional.empty());
    }
}
