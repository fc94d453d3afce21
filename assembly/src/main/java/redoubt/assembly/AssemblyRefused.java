package redoubt.assembly;

import java.util.List;

/**
 * The disks will not be made into what was asked for. One sentence that says what, why and what to do, and where there is a choice to be
 * made, the candidates, a line each.
 */
public final class AssemblyRefused extends Exception {

    /** Why, for whoever must answer with an exit code. */
    public enum Reason {
        /** The words that were given make no sense. */
        USAGE(64),
        /** The disks do not form the array, or it cannot be told how. */
        NO_ARRAY(65),
        /** A disk cannot be read or written. */
        IO_ERROR(74),
        /** Somebody else is at it just now. */
        TRY_AGAIN(75),
        /** It could be done, and data would be lost, or might be; the sentence says how to insist. */
        WOULD_LOSE_DATA(77);

        private final int exitCode;

        Reason(int exitCode) {
            this.exitCode = exitCode;
        }

        /** The exit code of a command that ends with it. */
        public int exitCode() {
            return exitCode;
        }
    }

    private final Reason reason;
    private final transient List<String> candidates;

    /** Refuses where there is nothing to choose from. */
    public AssemblyRefused(Reason reason, String sentence) {
        this(reason, sentence, List.of());
    }

    /**
     * Refuses.
     *
     * @param sentence what, why and what to do, without a full stop
     * @param candidates what can be chosen from, a line each
     */
    public AssemblyRefused(Reason reason, String sentence, List<String> candidates) {
        super(sentence);
        this.reason = reason;
        this.candidates = List.copyOf(candidates);
    }

    /** Why. */
    public Reason reason() {
        return reason;
    }

    /** The sentence, never null. */
    public String sentence() {
        return String.valueOf(getMessage());
    }

    /** What can be chosen from, a line each; empty where there is no choice. */
    public List<String> candidates() {
        return candidates;
    }
}
