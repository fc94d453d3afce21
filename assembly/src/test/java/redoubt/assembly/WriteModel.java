package redoubt.assembly;

import java.util.Arrays;
import java.util.BitSet;
import java.util.SplittableRandom;
import redoubt.base.Sectors;

/**
 * What may stand in each sector of an array after a power cut: the content that was durable last, or anything that was submitted since. A
 * content is the number of the write that made it, written all over the sector; 0 is how the array began. Zeroes are a write whose content is
 * the beginning's; a trim may have put zeroes there, or not.
 */
final class WriteModel {

    private final int[] durable;
    private final int[] newest;
    private final int[] acknowledged;

    /** The last change that zeroed it, or may have. */
    private final int[] zeroed;

    /** The last change of any kind, the last that was answered, the last that is durable. */
    private final int[] begun;

    private final int[] ended;
    private final int[] atRest;
    private int lastWrite;

    WriteModel(long sizeBytes) {
        int sectors = (int) (sizeBytes / Sectors.BYTES);
        durable = new int[sectors];
        newest = new int[sectors];
        acknowledged = new int[sectors];
        zeroed = new int[sectors];
        begun = new int[sectors];
        ended = new int[sectors];
        atRest = new int[sectors];
    }

    /** The bytes of the next write over this range, which from now on may be found there. */
    byte[] submit(long offset, int length) {
        int number = ++lastWrite;
        byte[] bytes = new byte[length];
        for (int at = 0; at < length; at += Sectors.BYTES) {
            fill(bytes, at, number);
            int sector = (int) ((offset + at) / Sectors.BYTES);
            newest[sector] = number;
            begun[sector] = number;
        }
        return bytes;
    }

    /** Zeroes over this range may be found from now on. */
    void submitZeroes(long offset, int length) {
        int number = ++lastWrite;
        for (long at = offset; at < offset + length; at += Sectors.BYTES) {
            int sector = (int) (at / Sectors.BYTES);
            newest[sector] = number;
            zeroed[sector] = number;
            begun[sector] = number;
        }
    }

    /** Zeroes over this range may be found from now on, or what was there. */
    void submitTrim(long offset, int length) {
        int number = ++lastWrite;
        for (long at = offset; at < offset + length; at += Sectors.BYTES) {
            int sector = (int) (at / Sectors.BYTES);
            zeroed[sector] = number;
            begun[sector] = number;
        }
    }

    /** The newest change of this range was answered. */
    void answered(long offset, int length, boolean durably) {
        for (long at = offset; at < offset + length; at += Sectors.BYTES) {
            int sector = (int) (at / Sectors.BYTES);
            acknowledged[sector] = newest[sector];
            ended[sector] = begun[sector];
            if (durably) {
                durable[sector] = newest[sector];
                atRest[sector] = begun[sector];
            }
        }
    }

    /** A flush was answered. */
    void flushed() {
        System.arraycopy(acknowledged, 0, durable, 0, durable.length);
        System.arraycopy(ended, 0, atRest, 0, atRest.length);
    }

    /** The first sector whose content cannot be, or -1. */
    int firstLie(byte[] content) {
        return firstLie(content, new BitSet(), 1);
    }

    /** The same, of the stripes in which everything that was ever submitted is durable. */
    int firstLieInAStripeAtRest(byte[] content, long stripeBytes) {
        BitSet inFlight = new BitSet();
        int perStripe = (int) (stripeBytes / Sectors.BYTES);
        for (int sector = 0; sector < durable.length; sector++) {
            if (begun[sector] != atRest[sector]) {
                inFlight.set(sector / perStripe);
            }
        }
        return firstLie(content, inFlight, perStripe);
    }

    private int firstLie(byte[] content, BitSet leftOut, int perStripe) {
        byte[] expected = new byte[Sectors.BYTES];
        for (int sector = 0; sector < durable.length; sector++) {
            if (leftOut.get(sector / perStripe)) {
                continue;
            }
            int number = numberIn(content, sector * Sectors.BYTES);
            fill(expected, 0, number);
            boolean lawful = number == 0
                    ? zeroed[sector] >= durable[sector]
                    : number >= durable[sector] && number <= newest[sector];
            boolean whole = number == 0
                    ? isZero(content, sector)
                    : Arrays.equals(
                            expected, 0, Sectors.BYTES, content, sector * Sectors.BYTES, (sector + 1) * Sectors.BYTES);
            if (!whole || !lawful) {
                return sector;
            }
        }
        return -1;
    }

    String expectation(int sector) {
        return "sector %d holds one of the writes %d to %d; write %d was the last that zeroed it"
                .formatted(sector, durable[sector], newest[sector], zeroed[sector]);
    }

    private static boolean isZero(byte[] content, int sector) {
        for (int at = sector * Sectors.BYTES; at < (sector + 1) * Sectors.BYTES; at++) {
            if (content[at] != 0) {
                return false;
            }
        }
        return true;
    }

    private static void fill(byte[] bytes, int at, int number) {
        SplittableRandom pattern = new SplittableRandom(number);
        for (int word = 0; word < Sectors.BYTES; word += Integer.BYTES) {
            int value = word == 0 ? number : number == 0 ? 0 : pattern.nextInt();
            for (int i = 0; i < Integer.BYTES; i++) {
                bytes[at + word + i] = (byte) (value >>> (8 * i));
            }
        }
    }

    private static int numberIn(byte[] bytes, int at) {
        int number = 0;
        for (int i = 0; i < Integer.BYTES; i++) {
            number |= (bytes[at + i] & 0xFF) << (8 * i);
        }
        return number;
    }
}
