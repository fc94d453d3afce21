package redoubt.cli;

/** How a command ends; the numbers are those of {@code sysexits.h}, and mean the same for every command. */
enum ExitCode {
    /** Done. */
    DONE(0, "done"),
    /** The words make no sense. */
    USAGE(64, "wrong usage"),
    /** The disks do not form an array, or it cannot be told how. */
    NO_ARRAY(65, "the disks do not form an array, or are ambiguous"),
    /** Something that should never happen. */
    BUG(70, "a bug in Redoubt"),
    /** A disk or a file could not be read or written. */
    IO(74, "a disk or a file could not be read or written"),
    /** Not now. */
    TRY_AGAIN(75, "not now; try again"),
    /** It could be done, and data would be lost; the sentence says how to insist. */
    REFUSED(77, "refused, because data would be lost; the message says how to insist");

    private final int number;
    private final String meaning;

    ExitCode(int number, String meaning) {
        this.number = number;
        this.meaning = meaning;
    }

    int number() {
        return number;
    }

    String meaning() {
        return meaning;
    }
}
