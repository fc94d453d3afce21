package redoubt.assembly;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import redoubt.base.Extent;
import redoubt.metadata.ReadFailed;

/**
 * How alike two disks are in an extent. Samples first, which settles most pairs with a few reads; where no sample differs, everything is
 * compared, as long as that is not too much. Remembers what it found.
 */
final class Likeness {

    /** How alike. */
    enum Degree {
        /** Every byte is equal. */
        IDENTICAL,
        /** Every sample is equal, and too much was left to compare all. */
        SAMPLES_EQUAL,
        /** Few places differ, as after a power cut in the middle of writing. */
        NEARLY,
        /** They have nothing to do with each other. */
        DIFFERENT;

        /** Whether they may be mirrors. */
        boolean mirrors() {
            return this != DIFFERENT;
        }
    }

    /**
     * What a comparison found.
     *
     * @param informative samples in which at least one of the two has something else than zeroes
     * @param differing samples that differ
     */
    record Finding(Degree degree, int informative, int differing) {}

    private record Pair(int one, int other, Extent extent) {}

    private static final int SAMPLE_BYTES = 4096;
    private static final int SAMPLES = 512;
    private static final int EDGE_SAMPLES = 32;
    private static final int FEW_STRIDE = 8;
    private static final long SMALL_BYTES = 64L << 20;
    private static final int STREAM_BYTES = DiskReads.PIECE_BYTES;
    private static final long WHOLE_LIMIT_BYTES = 1L << 30;

    /** Of the samples that say something, at most one in so many may differ between mirrors. */
    private static final int NEARLY_SHARE = 20;

    private final Map<Integer, DiskPages> disks;
    private final Map<Pair, Finding> known = new HashMap<>();

    Likeness(Map<Integer, DiskPages> disks) {
        this.disks = disks;
    }

    Finding of(int one, int other, Extent extent) throws ReadFailed {
        Pair pair = new Pair(Math.min(one, other), Math.max(one, other), extent);
        Finding found = known.get(pair);
        if (found == null) {
            found = compare(disk(pair.one), disk(pair.other), extent);
            known.put(pair, found);
        }
        return found;
    }

    private DiskPages disk(int number) throws ReadFailed {
        DiskPages pages = disks.get(number);
        if (pages == null) {
            throw new ReadFailed("disk %d is not open".formatted(number));
        }
        return pages;
    }

    /** By some samples alone: cheap also on disks that turn, and no proof. */
    Finding sampled(int one, int other, Extent extent) throws ReadFailed {
        return samples(disk(one), disk(other), extent, extent.length() > SMALL_BYTES ? FEW_STRIDE : 1);
    }

    private static Finding compare(DiskPages one, DiskPages other, Extent extent) throws ReadFailed {
        Finding found = samples(one, other, extent, 1);
        return found.degree() == Degree.SAMPLES_EQUAL && extent.length() <= WHOLE_LIMIT_BYTES
                ? whole(one, other, extent)
                : found;
    }

    private static Finding samples(DiskPages one, DiskPages other, Extent extent, int stride) throws ReadFailed {
        long[] places = places(extent);
        int informative = 0;
        int differing = 0;
        for (int i = 0; i < places.length; i += stride) {
            int length = (int) Math.min(SAMPLE_BYTES, extent.end() - places[i]);
            byte[] a = one.read(places[i], length);
            byte[] b = other.read(places[i], length);
            boolean equal = Arrays.equals(a, b);
            if (!equal || !zero(a)) {
                informative++;
            }
            if (!equal) {
                differing++;
            }
        }
        if (differing > 0) {
            boolean nearly = differing * NEARLY_SHARE <= informative;
            return new Finding(nearly ? Degree.NEARLY : Degree.DIFFERENT, informative, differing);
        }
        return new Finding(Degree.SAMPLES_EQUAL, informative, 0);
    }

    private static Finding whole(DiskPages one, DiskPages other, Extent extent) throws ReadFailed {
        int informative = 0;
        int differing = 0;
        byte[] a = new byte[STREAM_BYTES];
        byte[] b = new byte[STREAM_BYTES];
        for (long at = extent.offset(); at < extent.end(); at += a.length) {
            long left = extent.end() - at;
            if (left < a.length) {
                a = new byte[(int) left];
                b = new byte[(int) left];
            }
            one.stream(at, a);
            other.stream(at, b);
            for (int from = 0; from < a.length; from += SAMPLE_BYTES) {
                int to = Math.min(from + SAMPLE_BYTES, a.length);
                boolean equal = Arrays.equals(a, from, to, b, from, to);
                boolean zero = equal && zero(a, from, to);
                informative += zero ? 0 : 1;
                differing += equal ? 0 : 1;
            }
        }
        if (differing == 0) {
            return new Finding(Degree.IDENTICAL, informative, 0);
        }
        boolean nearly = (long) differing * NEARLY_SHARE <= informative;
        return new Finding(nearly ? Degree.NEARLY : Degree.DIFFERENT, informative, differing);
    }

    /** Places of the samples: the beginning and the end closely, what lies between evenly. */
    static long[] places(Extent extent) {
        long blocks = Math.ceilDiv(extent.length(), (long) SAMPLE_BYTES);
        int count = (int) Math.min(SAMPLES, blocks);
        long[] places = new long[count];
        for (int i = 0; i < count; i++) {
            long block;
            if (blocks <= SAMPLES || i < EDGE_SAMPLES) {
                block = i;
            } else if (i >= count - EDGE_SAMPLES) {
                block = blocks - (count - i);
            } else {
                block = EDGE_SAMPLES + (blocks - 2L * EDGE_SAMPLES) / (SAMPLES - 2 * EDGE_SAMPLES) * (i - EDGE_SAMPLES);
            }
            places[i] = extent.offset() + block * SAMPLE_BYTES;
        }
        return places;
    }

    static boolean zero(byte[] bytes) {
        return zero(bytes, 0, bytes.length);
    }

    private static boolean zero(byte[] bytes, int from, int to) {
        for (int i = from; i < to; i++) {
            if (bytes[i] != 0) {
                return false;
            }
        }
        return true;
    }
}
