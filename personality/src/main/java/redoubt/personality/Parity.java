package redoubt.personality;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.MemorySegment;

/**
 * XOR over native memory. Addresses are raw, so that the bytes of clients, stripes and whatever else may be mixed; the caller answers for
 * their being there. No call allocates: not compiled, not interpreted, not on the way from one to the other.
 *
 * <p>Plain loops over longs; what is left over goes byte by byte. Vectors would be quicker, but each is an object wherever the compiler does
 * not see all of its life, and whether it does may change while requests run (decision 0025).
 */
public final class Parity {

    /** All memory there is. */
    @SuppressWarnings("restricted") // the door to raw addresses, this once
    static final MemorySegment MEMORY = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    /** How much of many sources is gathered at a time, in bytes: what is added up stays in the nearest cache. */
    private static final long GATHERED_BYTES = 4096;

    /** {@code target ^= source}. */
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

    /** {@code target ^= first ^ second}: the difference that a change makes. */
    public void add(long target, long first, long second, long bytes) {
        set(target, /* first= */ target, /* second= */ first, /* third= */ second, bytes);
    }

    /** {@code target = first ^ second}. */
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

    /** {@code target = first ^ second ^ third}. */
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

    /** {@code target = first ^ second ^ third ^ fourth}. */
    void set(long target, long first, long second, long third, long fourth, long bytes) {
        set(target, first, second, third, bytes);
        add(target, fourth, bytes);
    }

    /** {@code target} becomes the XOR of the first {@code count} sources, at least 1, none of which overlaps it. */
    public void gather(long target, long[] sources, int count, long bytes) {
        for (long done = 0; done < bytes; done += GATHERED_BYTES) {
            gatherPiece(target + done, sources, count, done, Math.min(GATHERED_BYTES, bytes - done));
        }
    }

    private void gatherPiece(long target, long[] sources, int count, long at, long bytes) {
        int taken;
        long first = sources[0] + at;
        if (count == 1) {
            copy(target, first, bytes);
            return;
        } else if (count == 2) {
            set(target, first, sources[1] + at, bytes);
            return;
        } else if (count == 3) {
            set(target, first, sources[1] + at, sources[2] + at, bytes);
            return;
        } else {
            set(target, first, sources[1] + at, sources[2] + at, sources[3] + at, bytes);
            taken = 4;
        }
        for (; taken + 1 < count; taken += 2) {
            add(target, sources[taken] + at, sources[taken + 1] + at, bytes);
        }
        if (taken < count) {
            add(target, sources[taken] + at, bytes);
        }
    }

    /** Copies bytes. */
    public static void copy(long target, long source, long bytes) {
        MemorySegment.copy(MEMORY, source, MEMORY, target, bytes);
    }
}
