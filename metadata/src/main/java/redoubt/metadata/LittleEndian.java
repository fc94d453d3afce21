package redoubt.metadata;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Unsigned little-endian numbers in a byte array; every access is checked against the array's bounds. */
public final class LittleEndian {

    private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private LittleEndian() {}

    /** One byte. */
    public static int u8(byte[] block, int at) {
        return block[at] & 0xFF;
    }

    /** Two bytes. */
    public static int u16(byte[] block, int at) {
        return (short) SHORT.get(block, at) & 0xFFFF;
    }

    /** A 32-bit word as it stands; its meaning as a number is unsigned. */
    public static int word(byte[] block, int at) {
        return (int) INT.get(block, at);
    }

    /** Four bytes. */
    public static long u32(byte[] block, int at) {
        return Integer.toUnsignedLong(word(block, at));
    }

    /** Six bytes. */
    public static long u48(byte[] block, int at) {
        return u32(block, at) | ((long) u16(block, at + 4) << 32);
    }

    /** A 64-bit number as it stands; negative means 2^63 or more. */
    public static long long64(byte[] block, int at) {
        return (long) LONG.get(block, at);
    }

    /** A 64-bit number of which the two halves stand in different places. */
    public static long joined(byte[] block, int lowAt, int highAt) {
        return u32(block, lowAt) | (u32(block, highAt) << 32);
    }

    /** Writes one byte. */
    public static void putU8(byte[] block, int at, int value) {
        block[at] = (byte) value;
    }

    /** Writes two bytes. */
    public static void putU16(byte[] block, int at, int value) {
        SHORT.set(block, at, (short) value);
    }

    /** Writes four bytes. */
    public static void putWord(byte[] block, int at, int value) {
        INT.set(block, at, value);
    }

    /** Writes six bytes. */
    public static void putU48(byte[] block, int at, long value) {
        INT.set(block, at, (int) value);
        SHORT.set(block, at + 4, (short) (value >>> 32));
    }

    /** Writes eight bytes. */
    public static void putLong64(byte[] block, int at, long value) {
        LONG.set(block, at, value);
    }

    /** Writes eight bytes of which the halves stand in different places. */
    public static void putJoined(byte[] block, int lowAt, int highAt, long value) {
        INT.set(block, lowAt, (int) value);
        INT.set(block, highAt, (int) (value >>> 32));
    }
}
