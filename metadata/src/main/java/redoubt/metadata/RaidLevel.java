package redoubt.metadata;

import java.util.Optional;

/** The levels, with the numbers by which md knows them. */
public enum RaidLevel {
    /** One member after another. */
    LINEAR(-1),
    /** Striped, no redundancy. */
    RAID0(0),
    /** Every member holds everything. */
    RAID1(1),
    /** Striped with parity on the last member. */
    RAID4(4),
    /** Striped with rotating parity. */
    RAID5(5),
    /** Striped with two rotating parities. */
    RAID6(6),
    /** Striped mirrors. */
    RAID10(10);

    private final int number;

    RaidLevel(int number) {
        this.number = number;
    }

    /** md's number. */
    public int number() {
        return number;
    }

    /** md's word, as in {@code /proc/mdstat}. */
    public String word() {
        return this == LINEAR ? "linear" : "raid" + number;
    }

    /** Whether members may be lost without losing data. */
    public boolean redundant() {
        return this != LINEAR && this != RAID0;
    }

    /** The level with md's number. */
    public static Optional<RaidLevel> ofNumber(int number) {
        for (RaidLevel level : values()) {
            if (level.number == number) {
                return Optional.of(level);
            }
        }
        return Optional.empty();
    }
}
