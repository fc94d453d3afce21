package redoubt.personality;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static redoubt.personality.Parity.MEMORY;

/**
 * The arithmetic of RAID6's second parity over native memory: Q is the sum of the strips, each multiplied by a power of 2 of its own
 * ({@link GaloisField}; specs: md-core §11). Addresses as in {@link Parity}, and as there no call allocates. Loops over longs, eight elements of
 * the field side by side in each, the rest one by one. No state; any thread.
 */
public final class Syndrome {

    /** Instead of an address in {@link #gather}: a strip that counts as zeroes. */
    static final long NOTHING = 0;

    /** How much of many sources is gathered at a time, in bytes: what is added up stays in the nearest cache. */
    private static final long GATHERED_BYTES = 4096;

    private static final long HIGH_BITS = 0x8080_8080_8080_8080L;
    private static final long CARRIES = 0x1d1d_1d1d_1d1d_1d1dL;

    /** {@code target = 2 · target}. */
    void twice(long target, long bytes) {
        long at = 0;
        for (; at <= bytes - Long.BYTES; at += Long.BYTES) {
            MEMORY.set(JAVA_LONG_UNALIGNED, target + at, twice(MEMORY.get(JAVA_LONG_UNALIGNED, target + at)));
        }
        for (; at < bytes; at++) {
            MEMORY.set(JAVA_BYTE, target + at, (byte) twice((long) MEMORY.get(JAVA_BYTE, target + at)));
        }
    }

    /** {@code target = 2 · target ^ source}. */
    void twiceAdd(long target, long source, long bytes) {
        long at = 0;
        for (; at <= bytes - Long.BYTES; at += Long.BYTES) {
            long sum =
                    twice(MEMORY.get(JAVA_LONG_UNALIGNED, target + at)) ^ MEMORY.get(JAVA_LONG_UNALIGNED, source + at);
            MEMORY.set(JAVA_LONG_UNALIGNED, target + at, sum);
        }
        for (; at < bytes; at++) {
            long sum = twice((long) MEMORY.get(JAVA_BYTE, target + at)) ^ MEMORY.get(JAVA_BYTE, source + at);
            MEMORY.set(JAVA_BYTE, target + at, (byte) sum);
        }
    }

    /** {@code target ^= factor · source}; a factor of 0 to 255. */
    public void scaleAdd(long target, long source, int factor, long bytes) {
        long at = 0;
        for (; at <= bytes - Long.BYTES; at += Long.BYTES) {
            long sum = MEMORY.get(JAVA_LONG_UNALIGNED, target + at)
                    ^ times(MEMORY.get(JAVA_LONG_UNALIGNED, source + at), factor);
            MEMORY.set(JAVA_LONG_UNALIGNED, target + at, sum);
        }
        for (; at < bytes; at++) {
            long sum = MEMORY.get(JAVA_BYTE, target + at) ^ times((long) MEMORY.get(JAVA_BYTE, source + at), factor);
            MEMORY.set(JAVA_BYTE, target + at, (byte) sum);
        }
    }

    /** {@code target = factor · target}; a factor of 0 to 255. */
    public void scale(long target, int factor, long bytes) {
        long at = 0;
        for (; at <= bytes - Long.BYTES; at += Long.BYTES) {
            MEMORY.set(JAVA_LONG_UNALIGNED, target + at, times(MEMORY.get(JAVA_LONG_UNALIGNED, target + at), factor));
        }
        for (; at < bytes; at++) {
            MEMORY.set(JAVA_BYTE, target + at, (byte) times((long) MEMORY.get(JAVA_BYTE, target + at), factor));
        }
    }

    /**
     * {@code target} becomes the sum of the sources, number {@code k} of them multiplied by 2 to the power of {@code k}; none overlaps it.
     *
     * @param sources addresses, or {@link #NOTHING}
     */
    public void gather(long target, long[] sources, int count, long bytes) {
        for (long done = 0; done < bytes; done += GATHERED_BYTES) {
            gatherPiece(target + done, sources, count, done, Math.min(GATHERED_BYTES, bytes - done));
        }
    }

    /** By Horner's rule, from the highest power down. */
    private void gatherPiece(long target, long[] sources, int count, long at, long bytes) {
        int power = count - 1;
        while (power >= 0 && sources[power] == NOTHING) {
            power--;
        }
        if (power < 0) {
            scale(target, 0, bytes);
            return;
        }
        Parity.copy(target, sources[power] + at, bytes);
        for (power--; power >= 0; power--) {
            if (sources[power] == NOTHING) {
                twice(target, bytes);
            } else {
                twiceAdd(target, sources[power] + at, bytes);
            }
        }
    }

    /** Each byte doubled: shifted, and where a bit fell out, the carry added. */
    private static long twice(long elements) {
        long high = elements & HIGH_BITS;
        // 0xff in each byte whose highest bit was set.
        long overflows = (high << 1) - (high >>> 7);
        return ((elements ^ high) << 1) ^ (overflows & CARRIES);
    }

    /** Each byte multiplied, bit by bit of the factor from the highest. */
    private static long times(long elements, int factor) {
        long product = 0;
        for (int bit = 7; bit >= 0; bit--) {
            product = twice(product) ^ (elements & -((factor >>> bit) & 1L));
        }
        return product;
    }
}
