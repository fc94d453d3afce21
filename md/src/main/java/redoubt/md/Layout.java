package redoubt.md;

/**
 * Where the bytes of an array lie on its members. Pure arithmetic: no state, no I/O, no allocation; tested on paper against
 * Linux' drivers/md/raid10.c and raid5.c. All offsets are in bytes; a member's offsets count from where its data begins.
 */
public interface Layout {

    /** How many slots the array has. */
    int slots();

    /**
     * The size of the array.
     *
     * @param componentBytes how much of each member the array uses
     */
    long capacity(long componentBytes);

    /** How many bytes from {@code offset} on lie one behind the other on the same member; {@link Long#MAX_VALUE} if all do. */
    long run(long offset);

    /** How many places hold each byte of data, parity not counted. */
    int copies();

    /** The slot that holds the byte at {@code offset}: copy 0 is the first. */
    int slot(long offset, int copy);

    /** Where on that slot's member. */
    long memberOffset(long offset, int copy);

    /** Tells {@code sink} of every piece of a run of the array, first to last, all copies of a piece in turn. */
    default void map(long offset, long length, ExtentSink sink) {
        long at = offset;
        long end = Math.addExact(offset, length);
        while (at < end) {
            long piece = Math.min(run(at), end - at);
            for (int copy = 0; copy < copies(); copy++) {
                sink.piece(slot(at, copy), memberOffset(at, copy), at, piece, copy);
            }
            at += piece;
        }
    }

    /** Who is told of the pieces. */
    interface ExtentSink {
        /** One copy of one piece: its slot, where on that member, where in the array, how long (bytes), which copy. */
        void piece(int slot, long memberOffset, long arrayOffset, long length, int copy);
    }
}
