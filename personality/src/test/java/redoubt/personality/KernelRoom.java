package redoubt.personality;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;

/** Native memory for a kernel to work on: a target and some sources, of random content, from places aligned in any way. */
final class KernelRoom {

    static final int SOURCES = 9;
    static final int BYTES = 9000;

    private static final int SHIFT_LIMIT = 64;

    /** So much fits behind any place. */
    static final int MOST = BYTES - 2 * SHIFT_LIMIT;

    private final Random random;
    private final MemorySegment target;
    private final MemorySegment[] sources = new MemorySegment[SOURCES];
    private final int[] starts = new int[SOURCES];
    private int at;

    KernelRoom(Arena arena, Random random) {
        this.random = random;
        target = arena.allocate(BYTES, SHIFT_LIMIT);
        for (int i = 0; i < SOURCES; i++) {
            sources[i] = arena.allocate(BYTES, SHIFT_LIMIT);
        }
    }

    /** New content, and new places. */
    void shuffle() {
        fill(target);
        for (int i = 0; i < SOURCES; i++) {
            fill(sources[i]);
            starts[i] = random.nextInt(SHIFT_LIMIT);
        }
        at = random.nextInt(SHIFT_LIMIT);
    }

    private void fill(MemorySegment segment) {
        byte[] content = new byte[BYTES];
        random.nextBytes(content);
        MemorySegment.copy(content, 0, segment, ValueLayout.JAVA_BYTE, 0, BYTES);
    }

    /** Where in the target the kernel is to write. */
    int at() {
        return at;
    }

    long targetAddress() {
        return target.address() + at;
    }

    /** All of the target, that is, also what the kernel is not to touch. */
    byte[] target() {
        return target.toArray(ValueLayout.JAVA_BYTE);
    }

    long[] sourceAddresses() {
        long[] addresses = new long[SOURCES];
        for (int i = 0; i < SOURCES; i++) {
            addresses[i] = sources[i].address() + starts[i];
        }
        return addresses;
    }

    /** The byte that a source has for the byte {@code k} of the result, 0 to 255. */
    int source(int i, int k) {
        return sources[i].get(ValueLayout.JAVA_BYTE, starts[i] + k) & 0xFF;
    }
}
