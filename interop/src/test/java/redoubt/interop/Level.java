package redoubt.interop;

/** The levels that IMSM has, each with as many members as show its nature. */
enum Level {
    RAID0("0", 2, false),
    RAID1("1", 2, true),
    RAID10("10", 4, true),
    RAID5("5", 3, true);

    final String number;
    final int members;
    final boolean isRedundant;

    Level(String number, int members, boolean isRedundant) {
        this.number = number;
        this.members = members;
        this.isRedundant = isRedundant;
    }
}
