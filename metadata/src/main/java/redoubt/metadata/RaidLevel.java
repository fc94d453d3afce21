package redoubt.metadata;

import java.util.Optional;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

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

    /** The fewest members that Linux makes it of. */
    public int leastMembers() {
        return switch (this) {
            case LINEAR, RAID0, RAID1 -> 1;
            case RAID4, RAID5, RAID10 -> 2;
            case RAID6 -> 4;
        };
    }

    /**
     * How large an array of members of one size is, where all have the same: not for linear and RAID0 of md's own formats.
     *
     * @param count how many members
     * @param layout md's layout number; of a RAID10 one with copies
     * @param chunkSectors not 0, but for linear and RAID1, where it has no meaning
     * @param component sectors of each member
     */
    public long arraySectors(int count, int layout, long chunkSectors, long component) {
        return switch (this) {
            case LINEAR -> component * count;
            case RAID1 -> component;
            case RAID0 -> component / chunkSectors * chunkSectors * count;
            case RAID4, RAID5 -> component / chunkSectors * chunkSectors * (count - 1);
            case RAID6 -> component / chunkSectors * chunkSectors * (count - 2);
            case RAID10 -> {
                int near = layout & 0xFF;
                int far = layout >>> 8 & 0xFF;
                yield component / chunkSectors / far * count / near * chunkSectors;
            }
        };
    }

    /**
     * Whether all data is there with just some of the slots.
     *
     * @param layout md's layout number
     * @param inSync whether a slot has a member in sync
     */
    public boolean whole(int slots, int layout, IntPredicate inSync) {
        long lost = IntStream.range(0, slots).filter(inSync.negate()).count();
        return switch (this) {
            case LINEAR, RAID0 -> lost == 0;
            case RAID1 -> lost < slots;
            case RAID4, RAID5 -> lost <= 1;
            case RAID6 -> lost <= 2;
            case RAID10 -> everyChunkHasACopy(slots, layout, inSync);
        };
    }

    /** Chunk k has its near copies on slot k·near and those behind it, and each set of far copies stands so many slots further. */
    private static boolean everyChunkHasACopy(int slots, int layout, IntPredicate inSync) {
        int near = layout & 0xFF;
        int far = layout >>> 8 & 0xFF;
        int copies = near * far;
        if (copies == 0) {
            return false;
        }
        int start = 0;
        do {
            int first = start;
            if (IntStream.range(0, copies).noneMatch(copy -> inSync.test((first + copy) % slots))) {
                return false;
            }
            start = (start + near) % slots;
        } while (start != 0);
        return true;
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
