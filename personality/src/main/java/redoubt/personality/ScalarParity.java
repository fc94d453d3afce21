package redoubt.personality;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

/** Parity by loops over longs, the rest byte by byte. */
final class ScalarParity extends Parity {

    @Override
    public void add(long target, long source, long bytes) {
        long at = 0;
        for (; at <= bytes - Long.BYTES; at += Long.BYTES) {
            long sum = MEMORY.get(JAVA_LONG_UNALIGNED, target + at) ^ MEMORY.get(JAVA_LONG_UNALIGNED, source + at);
            MEMORY.set(JAVA_LONG_UNALIGNED, target + at, sum);
        }
        for (; at < bytes; at++) {
            int sum = MEMORY.get(JAVA_BYTE, target + at) ^ MEMORY.get(JAVA_BYTE, source + at);
            MEMORY.set(JAVA_BYTE, target + at, (byte) sum);
        }
    }

    @Override
    public void add(long target, long first, long second, long bytes) {
        set(target, /* first= */ target, /* second= */ first, /* third= */ second, bytes);
    }

    @Override
    void set(long target, long first, long second, long bytes) {
        long at = 0;
        for (; at <= bytes - Long.BYTES; at += Long.BYTES) {
            long sum = MEMORY.get(JAVA_LONG_UNALIGNED, first + at) ^ MEMORY.get(JAVA_LONG_UNALIGNED, second + at);
            MEMORY.set(JAVA_LONG_UNALIGNED, target + at, sum);
        }
        for (; at < bytes; at++) {
            int sum = MEMORY.get(JAVA_BYTE, first + at) ^ MEMORY.get(JAVA_BYTE, second + at);
            MEMORY.set(JAVA_BYTE, target + at, (byte) sum);
        }
    }

    @Override
    void set(long target, long first, long second, long third, long bytes) {
        long at = 0;
        for (; at <= bytes - Long.BYTES; at += Long.BYTES) {
            long sum = MEMORY.get(JAVA_LONG_UNALIGNED, first + at)
                    ^ MEMORY.get(JAVA_LONG_UNALIGNED, second + at)
                    ^ MEMORY.get(JAVA_LONG_UNALIGNED, third + at);
            MEMORY.set(JAVA_LONG_UNALIGNED, target + at, sum);
        }
        for (; at < bytes; at++) {
            int sum = MEMORY.get(JAVA_BYTE, first + at)
                    ^ MEMORY.get(JAVA_BYTE, second + at)
                    ^ MEMORY.get(JAVA_BYTE, third + at);
            MEMORY.set(JAVA_BYTE, target + at, (byte) sum);
        }
    }

    @Override
    void set(long target, long first, long second, long third, long fourth, long bytes) {
        set(target, first, second, third, bytes);
        add(target, fourth, bytes);
    }
}
