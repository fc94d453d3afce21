package redoubt.personality;

/**
 * Cuts a range of the array that lies within one stripe into parts, one a band: each a run of the strips, the same on all of them. Pure.
 *
 * <p>A range that ends in one strip before the place where it began in the strip before touches two runs with a gap between them; these are
 * cut each by itself, so that no part's parity is read and written where nothing changes. Otherwise the range touches one run: where it
 * is in one strip, that; else all of the strip.
 */
final class BandCutter {

    private final ParityLayout layout;
    private final long chunkBytes;
    private final int bandBytes;

    BandCutter(ParityLayout layout, int bandBytes) {
        this.layout = layout;
        this.chunkBytes = layout.chunkBytes();
        this.bandBytes = bandBytes;
    }

    /** Where the stripe ends that this byte of the array is in. */
    long stripeEnd(long offset) {
        return (layout.stripe(offset) + 1) * layout.stripeBytes();
    }

    /** How many parts. */
    int count(long start, long end) {
        if (hasGap(start, end)) {
            return bands(0, endPlace(end)) + bands(place(start), (int) chunkBytes);
        }
        return bands(runLow(start, end), runHigh(start, end));
    }

    /** Where the run of part {@code i} begins, in bytes from the strip's start. */
    int low(long start, long end, int i) {
        int begin = runLow(start, end);
        int number = i;
        if (hasGap(start, end)) {
            int before = bands(0, endPlace(end));
            begin = i < before ? 0 : place(start);
            number = i < before ? i : i - before;
        }
        return Math.max(begin, (begin / bandBytes + number) * bandBytes);
    }

    /** Where the run of part {@code i} ends. */
    int high(long start, long end, int i) {
        int stop = runHigh(start, end);
        if (hasGap(start, end)) {
            stop = i < bands(0, endPlace(end)) ? endPlace(end) : (int) chunkBytes;
        }
        return Math.min(stop, (low(start, end, i) / bandBytes + 1) * bandBytes);
    }

    private int place(long offset) {
        return (int) (offset % chunkBytes);
    }

    private int endPlace(long end) {
        return place(end - 1) + 1;
    }

    private long strips(long start, long end) {
        return (end - 1) / chunkBytes - start / chunkBytes + 1;
    }

    private boolean hasGap(long start, long end) {
        return strips(start, end) == 2 && endPlace(end) < place(start);
    }

    private int runLow(long start, long end) {
        return strips(start, end) == 1 ? place(start) : 0;
    }

    private int runHigh(long start, long end) {
        return strips(start, end) == 1 ? endPlace(end) : (int) chunkBytes;
    }

    private int bands(int low, int high) {
        return (high - 1) / bandBytes - low / bandBytes + 1;
    }
}
