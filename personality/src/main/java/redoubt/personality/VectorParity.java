package redoubt.personality;

import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Parity by wide registers, two of them a round: on AVX2 64 bytes. What is left over is done by longs. Each loop is a method of its own
 * and holds few vectors, since the compiler keeps vectors out of the heap only where it sees all of their life.
 */
final class VectorParity extends Parity {

    private static final VectorSpecies<Byte> WIDE = ByteVector.SPECIES_PREFERRED;
    private static final int ONE = WIDE.length();
    private static final int ROUND = 2 * ONE;
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    private final ScalarParity rest = new ScalarParity();

    @Override
    public void add(long target, long source, long bytes) {
        long whole = bytes - bytes % ROUND;
        for (long at = 0; at < whole; at += ROUND) {
            load(target + at)
                    .lanewise(VectorOperators.XOR, load(source + at))
                    .intoMemorySegment(MEMORY, target + at, ORDER);
            load(target + at + ONE)
                    .lanewise(VectorOperators.XOR, load(source + at + ONE))
                    .intoMemorySegment(MEMORY, target + at + ONE, ORDER);
        }
        if (whole < bytes) {
            rest.add(target + whole, source + whole, bytes - whole);
        }
    }

    @Override
    public void add(long target, long first, long second, long bytes) {
        set(target, /* first= */ target, /* second= */ first, /* third= */ second, bytes);
    }

    @Override
    void set(long target, long first, long second, long bytes) {
        long whole = bytes - bytes % ROUND;
        for (long at = 0; at < whole; at += ROUND) {
            load(first + at)
                    .lanewise(VectorOperators.XOR, load(second + at))
                    .intoMemorySegment(MEMORY, target + at, ORDER);
            load(first + at + ONE)
                    .lanewise(VectorOperators.XOR, load(second + at + ONE))
                    .intoMemorySegment(MEMORY, target + at + ONE, ORDER);
        }
        if (whole < bytes) {
            rest.set(target + whole, first + whole, second + whole, bytes - whole);
        }
    }

    @Override
    void set(long target, long first, long second, long third, long bytes) {
        long whole = bytes - bytes % ROUND;
        for (long at = 0; at < whole; at += ROUND) {
            load(first + at)
                    .lanewise(VectorOperators.XOR, load(second + at))
                    .lanewise(VectorOperators.XOR, load(third + at))
                    .intoMemorySegment(MEMORY, target + at, ORDER);
            load(first + at + ONE)
                    .lanewise(VectorOperators.XOR, load(second + at + ONE))
                    .lanewise(VectorOperators.XOR, load(third + at + ONE))
                    .intoMemorySegment(MEMORY, target + at + ONE, ORDER);
        }
        if (whole < bytes) {
            rest.set(target + whole, first + whole, second + whole, third + whole, bytes - whole);
        }
    }

    @Override
    void set(long target, long first, long second, long third, long fourth, long bytes) {
        long whole = bytes - bytes % ROUND;
        for (long at = 0; at < whole; at += ROUND) {
            load(first + at)
                    .lanewise(VectorOperators.XOR, load(second + at))
                    .lanewise(VectorOperators.XOR, load(third + at))
                    .lanewise(VectorOperators.XOR, load(fourth + at))
                    .intoMemorySegment(MEMORY, target + at, ORDER);
            load(first + at + ONE)
                    .lanewise(VectorOperators.XOR, load(second + at + ONE))
                    .lanewise(VectorOperators.XOR, load(third + at + ONE))
                    .lanewise(VectorOperators.XOR, load(fourth + at + ONE))
                    .intoMemorySegment(MEMORY, target + at + ONE, ORDER);
        }
        if (whole < bytes) {
            rest.set(target + whole, first + whole, second + whole, third + whole, fourth + whole, bytes - whole);
        }
    }

    private static ByteVector load(long address) {
        return ByteVector.fromMemorySegment(WIDE, MEMORY, address, ORDER);
    }
}
