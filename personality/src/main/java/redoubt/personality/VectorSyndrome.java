package redoubt.personality;

import static redoubt.personality.Parity.MEMORY;

import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Syndromes by wide registers. Doubling is {@link ScalarSyndrome}'s, several longs side by side; a product is looked up in registers of 16 bytes,
 * half a byte at a time ({@link GaloisField#HALVES}). What is left over is done by the scalar one. Small loops of few vectors, for the reason that
 * {@link VectorParity} gives: the eight steps of a product in one loop are too many.
 */
final class VectorSyndrome extends Syndrome {

    private static final VectorSpecies<Long> WIDE = LongVector.SPECIES_PREFERRED;
    private static final int ROUND = WIDE.vectorByteSize();
    private static final VectorSpecies<Byte> TABLE = ByteVector.SPECIES_128;
    private static final int TABLE_BYTES = TABLE.length();
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final long HIGH_BITS = 0x8080_8080_8080_8080L;
    private static final long CARRIES = 0x1d1d_1d1d_1d1d_1d1dL;

    private final ScalarSyndrome rest = new ScalarSyndrome();

    @Override
    void twice(long target, long bytes) {
        long whole = bytes - bytes % ROUND;
        for (long at = 0; at < whole; at += ROUND) {
            twice(load(target + at)).intoMemorySegment(MEMORY, target + at, ORDER);
        }
        if (whole < bytes) {
            rest.twice(target + whole, bytes - whole);
        }
    }

    @Override
    void twiceAdd(long target, long source, long bytes) {
        long whole = bytes - bytes % ROUND;
        for (long at = 0; at < whole; at += ROUND) {
            twice(load(target + at))
                    .lanewise(VectorOperators.XOR, load(source + at))
                    .intoMemorySegment(MEMORY, target + at, ORDER);
        }
        if (whole < bytes) {
            rest.twiceAdd(target + whole, source + whole, bytes - whole);
        }
    }

    @Override
    public void scaleAdd(long target, long source, int factor, long bytes) {
        long whole = bytes - bytes % TABLE_BYTES;
        ByteVector low = ByteVector.fromArray(TABLE, GaloisField.HALVES, 2 * TABLE_BYTES * factor);
        ByteVector high = ByteVector.fromArray(TABLE, GaloisField.HALVES, 2 * TABLE_BYTES * factor + TABLE_BYTES);
        for (long at = 0; at < whole; at += TABLE_BYTES) {
            ByteVector elements = ByteVector.fromMemorySegment(TABLE, MEMORY, source + at, ORDER);
            elements.and((byte) 0x0F)
                    .selectFrom(low)
                    .lanewise(
                            VectorOperators.XOR,
                            elements.lanewise(VectorOperators.LSHR, 4).selectFrom(high))
                    .lanewise(VectorOperators.XOR, ByteVector.fromMemorySegment(TABLE, MEMORY, target + at, ORDER))
                    .intoMemorySegment(MEMORY, target + at, ORDER);
        }
        if (whole < bytes) {
            rest.scaleAdd(target + whole, source + whole, factor, bytes - whole);
        }
    }

    @Override
    public void scale(long target, int factor, long bytes) {
        long whole = bytes - bytes % TABLE_BYTES;
        ByteVector low = ByteVector.fromArray(TABLE, GaloisField.HALVES, 2 * TABLE_BYTES * factor);
        ByteVector high = ByteVector.fromArray(TABLE, GaloisField.HALVES, 2 * TABLE_BYTES * factor + TABLE_BYTES);
        for (long at = 0; at < whole; at += TABLE_BYTES) {
            ByteVector elements = ByteVector.fromMemorySegment(TABLE, MEMORY, target + at, ORDER);
            elements.and((byte) 0x0F)
                    .selectFrom(low)
                    .lanewise(
                            VectorOperators.XOR,
                            elements.lanewise(VectorOperators.LSHR, 4).selectFrom(high))
                    .intoMemorySegment(MEMORY, target + at, ORDER);
        }
        if (whole < bytes) {
            rest.scale(target + whole, factor, bytes - whole);
        }
    }

    private static LongVector load(long address) {
        return LongVector.fromMemorySegment(WIDE, MEMORY, address, ORDER);
    }

    private static LongVector twice(LongVector elements) {
        LongVector high = elements.lanewise(VectorOperators.AND, HIGH_BITS);
        LongVector overflows = high.lanewise(VectorOperators.LSHL, 1)
                .lanewise(VectorOperators.SUB, high.lanewise(VectorOperators.LSHR, 7));
        return elements.lanewise(VectorOperators.XOR, high)
                .lanewise(VectorOperators.LSHL, 1)
                .lanewise(VectorOperators.XOR, overflows.lanewise(VectorOperators.AND, CARRIES));
    }
}
