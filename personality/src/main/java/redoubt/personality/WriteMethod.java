package redoubt.personality;

/**
 * How a write to a band comes by the new parity (Linux, drivers/md/raid5.c, handle_stripe_dirtying). Pure: the choice is made from sets of
 * slots, bit k being slot k.
 */
enum WriteMethod {
    /** The parity's member is gone: data is written, nothing is read. */
    WITHOUT_PARITY,
    /** Parity is added up from all data, new and untouched; the untouched is read. Nothing is read where all is new. */
    RECONSTRUCT,
    /** The old data and the old parity are read; the difference goes into the parity. */
    MODIFY,
    /** A strip that is partly overwritten cannot be read: it is made from all others first, then parity from all. */
    REBUILD,
    /** Too much is missing. */
    IMPOSSIBLE;

    /**
     * Chooses.
     *
     * @param parity the slot of the parity
     * @param slots all slots
     * @param writable the slots whose members are there
     * @param readable of those, the ones that may be read here
     * @param touched data slots that are overwritten, partly or wholly
     * @param covered of those, the ones that are overwritten over the whole span
     * @param touchedBytes bytes between the first and the last that are overwritten, added up over the touched slots
     * @param spanBytes bytes of parity that change
     * @param parityKnown whether old parity is what the data on the members adds up to
     */
    static WriteMethod choose(
            int parity,
            long slots,
            long writable,
            long readable,
            long touched,
            long covered,
            long touchedBytes,
            long spanBytes,
            boolean parityKnown) {
        long parityBit = 1L << parity;
        long data = slots & ~parityBit;
        if (Long.bitCount(slots & ~writable) > 1) {
            return IMPOSSIBLE;
        }
        if ((writable & parityBit) == 0) {
            return WITHOUT_PARITY;
        }
        long wantedForReconstruct = data & ~covered;
        boolean mayReconstruct = (wantedForReconstruct & ~readable) == 0;
        boolean mayModify = ((touched | parityBit) & ~readable) == 0;
        // A strip that is missing is by definition what the parity says: then parity is as known as it can be.
        boolean trusted = parityKnown || (data & ~readable) != 0;
        if (mayReconstruct && mayModify && trusted) {
            long readForReconstruct = Long.bitCount(wantedForReconstruct) * spanBytes;
            return touchedBytes + spanBytes < readForReconstruct ? MODIFY : RECONSTRUCT;
        }
        if (mayReconstruct) {
            return RECONSTRUCT;
        }
        if (mayModify && trusted) {
            return MODIFY;
        }
        boolean oneMissing = Long.bitCount(data & ~readable) == 1 && (readable & parityBit) != 0;
        return oneMissing ? REBUILD : IMPOSSIBLE;
    }
}
