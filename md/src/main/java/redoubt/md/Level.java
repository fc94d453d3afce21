package redoubt.md;

import java.util.Optional;

/** The levels of redundancy, with the words that mdadm and the kernel use for them. */
public enum Level {
    /** Members one behind the other. */
    LINEAR("linear"),
    /** Striped, no redundancy. */
    RAID0("raid0"),
    /** Mirrored. */
    RAID1("raid1"),
    /** Striped, parity on the last member. */
    RAID4("raid4"),
    /** Striped, parity that moves round. */
    RAID5("raid5"),
    /** Striped, two independent parities. */
    RAID6("raid6"),
    /** Striped over mirrors. */
    RAID10("raid10");

    private final String word;

    Level(String word) {
        this.word = word;
    }

    /** The kernel's word, as in {@code md/level}. */
    public String word() {
        return word;
    }

    /** The level that a user means by {@code raid5} or {@code 5}. */
    public static Optional<Level> ofWord(String text) {
        for (Level level : values()) {
            if (level.word.equals(text) || level.word.equals("raid" + text)) {
                return Optional.of(level);
            }
        }
        return Optional.empty();
    }
}
