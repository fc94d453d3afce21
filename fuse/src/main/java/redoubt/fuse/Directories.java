package redoubt.fuse;

/** How names stand in the answer to a READDIR. */
final class Directories {

    /** The number of a file that nobody has looked up yet; a listing that says 0 is passed over. */
    static final long UNKNOWN_NODE = 0xFFFFFFFFL;

    private static final int ALIGNMENT = Long.BYTES;

    private Directories() {}

    /** What an entry takes, its padding included. */
    static int entryBytes(int nameBytes) {
        return (Wire.DIRENT_BYTES + nameBytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    /**
     * Puts an entry into cleared room.
     *
     * @param next where the listing goes on behind it
     * @param type the upper bits of the file's mode
     */
    static void put(Exchange exchange, int at, long number, long next, int type, byte[] name) {
        exchange.put(at, number);
        exchange.put(at + Wire.DIRENT_OFFSET, next);
        exchange.put(at + Wire.DIRENT_NAME_LENGTH, name.length);
        exchange.put(at + Wire.DIRENT_TYPE, type);
        exchange.put(at + Wire.DIRENT_BYTES, name);
    }
}
