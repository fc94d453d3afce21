package redoubt.metadata.imsm;

/**
 * A word of a map's table from slots to disks: the low 24 bits are an index of the disk table, the top byte holds flags.
 *
 * @param word the word as on disk
 */
public record ImsmOrd(int word) {

    private static final int INDEX_MASK = 0x00FFFFFF;
    private static final int REBUILD = 0x01000000;

    static ImsmOrd inSync(int index) {
        return new ImsmOrd(index);
    }

    static ImsmOrd outOfSync(int index) {
        return new ImsmOrd(index | REBUILD);
    }

    /** Index of the disk table. */
    public int index() {
        return word & INDEX_MASK;
    }

    /** Whether the disk in this slot does not hold its data. */
    public boolean outOfSync() {
        return (word & REBUILD) != 0;
    }

    ImsmOrd withIndex(int index) {
        return new ImsmOrd((word & ~INDEX_MASK) | index);
    }

    ImsmOrd withFlagsOf(ImsmOrd other) {
        return new ImsmOrd(word | (other.word & ~INDEX_MASK));
    }

    ImsmOrd plain() {
        return new ImsmOrd(word & INDEX_MASK);
    }
}
