package redoubt.personality;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static redoubt.personality.Parity.MEMORY;

/** Syndromes by loops over longs, eight elements of the field side by side in each, the rest one by one. */
final class ScalarSyndrome extends Syndrome {

    private static final long HIGH_BITS = 0x8080_8080_8080_8080L;
    private static final long CARRIES = 0x1d1d_1d1d_1d1d_1d1dL;

    @Override
    void twice(long target, long bytes) {
        long at = 0;
        for (; at <= bytes - Long.BYTES; at += Long.BYTES) {
            MEMORY.set(JAVA_LONG_UNALIGNED, target + at, twice(MEMORY.get(JAVA_LONG_UNALIGNED, target + at)));
        }
        for (; at < bytes; at++) {
            MEMORY.set(JAVA_BYTE, target + at, (byte) twice((long) MEMORY.get(JAVA_BYTE, target + at)));
        }
    }

    @Override
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

    @Override
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

    @Override
    public void scale(long target, int factor, long bytes) {
        long at = 0;
        for (; at <= bytes - Long.BYTES; at += Long.BYTES) {
            MEMORY.set(JAVA_LONG_UNALIGNED, target + at, times(MEMORY.get(JAVA_LONG_UNALIGNED, target + at), factor));
        }
        for (; at < bytes; at++) {
            MEMORY.set(JAVA_BYTE, target + at, (byte) times((long) MEMORY.get(JAVA_BYTE, target + at), factor));
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
