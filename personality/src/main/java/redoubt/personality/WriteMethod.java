package redoubt.personality;

/**
 * How a write to a band comes by the new parity (Linux, drivers/md/raid5.c, handle_stripe_dirtying). Pure: the choice is made from sets of
 * slots, bit k being slot k.
 */
enum WriteMethod {
    /** Every parity's member is gone: data is written, nothing is read. */
    WITHOUT_PARITY,
    /** Parity is added up from all data, new and untouched; the untouched is read. Nothing is read where all is new. */
    RECONSTRUCT,
    /** The old data and the old parity are read; the difference goes into the parity. */
    MODIFY,
    /** Strips that are needed cannot be read: they are made from all others first, then parity from all. */
    REBUILD,
    /** Too much is missing. */
    IMPOSSIBLE;

    /**
     * Chooses.
     *
     * @param parities the slots of the parities, one or two
     * @param slots all slots
     * @param writable the slots whose members are there
     * @param readable of those, the ones that may be read here
     * @param touched data slots that are overwritten, partly or wholly
     * @param covered of those, the ones that are overwritten over the whole span
     * @param touchedBytes bytes between the first and the last that are overwritten, added up over the touched slots
     * @param spanBytes bytes of a parity that change
     * @param parityKnown whether old parity is what the data on the members adds up to
     */
    static WriteMethod choose(
            long parities,
            long slots,
            long writable,
            long readable,
            long touched,
            long covered,
            long touchedBytes,
            long spanBytes,
            boolean parityKnown) {
        long data = slots & ~parities;
        long writableParities = parities & writable;
        if (Long.bitCount(slots & ~writable) > Long.bitCount(parities)) {
            return IMPOSSIBLE;
        }
        if (writableParities == 0) {
            return WITHOUT_PARITY;
        }
        long wantedForReconstruct = data & ~covered;
        boolean mayReconstruct = (wantedForReconstruct & ~readable) == 0;
        boolean mayModify = ((touched | writableParities) & ~readable) == 0;
        // A strip that is missing is by definition what the parity says: then parity is as known as it can be.
        boolean trusted = parityKnown || (data & ~readable) != 0;
        if (mayReconstruct && mayModify && trusted) {
            long readForReconstruct = Long.bitCount(wantedForReconstruct) * spanBytes;
            long readForModify = touchedBytes + Long.bitCount(writableParities) * spanBytes;
            return readForModify < readForReconstruct ? MODIFY : RECONSTRUCT;
        }
        if (mayReconstruct) {
            return RECONSTRUCT;
        }
        if (mayModify && trusted) {
            return MODIFY;
        }
        boolean canBeMade = Long.bitCount(data & ~readable) <= Long.bitCount(readable & parities);
        return canBeMade ? REBUILD : IMPOSSIBLE;
    }
}
