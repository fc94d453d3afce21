package redoubt.metadata.md0;

/**
 * What a superblock says of one disk, in 32 words of which five are used.
 *
 * <pre>
 *   0 number (4)   4 major (4)   8 minor (4)   12 raid_disk (4)   16 state (4)   20 reserved (108)
 * </pre>
 *
 * @param number its place in the table; while it is in sync that is its slot
 * @param major of the device that Linux saw
 * @param minor of the device that Linux saw
 * @param slot raid_disk; without meaning for a spare
 * @param state bits, below
 */
public record Md0Descriptor(int number, int major, int minor, int slot, int state) {

    static final int BYTES = 128;

    static final int NUMBER_AT = 0;
    static final int MAJOR_AT = 4;
    static final int MINOR_AT = 8;
    static final int SLOT_AT = 12;
    static final int STATE_AT = 16;

    static final int FAULTY = 1;
    static final int ACTIVE = 2;
    static final int IN_SYNC = 4;
    static final int REMOVED = 8;
    static final int WRITE_MOSTLY = 1 << 9;
    static final int FAILFAST = 1 << 10;

    boolean has(int bit) {
        return (state & bit) != 0;
    }

    /** The state in mdadm's words. */
    String words() {
        StringBuilder words = new StringBuilder();
        word(words, FAULTY, "faulty");
        word(words, ACTIVE, "active");
        word(words, IN_SYNC, "sync");
        word(words, REMOVED, "removed");
        word(words, WRITE_MOSTLY, "write-mostly");
        word(words, FAILFAST, "failfast");
        if ((state & ~(WRITE_MOSTLY | FAILFAST)) == 0) {
            words.append(words.isEmpty() ? "" : " ").append("spare");
        }
        return words.toString();
    }

    private void word(StringBuilder words, int bit, String word) {
        if (has(bit)) {
            words.append(words.isEmpty() ? "" : " ").append(word);
        }
    }
}
