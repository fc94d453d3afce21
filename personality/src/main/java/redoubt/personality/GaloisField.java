package redoubt.personality;

/**
 * The field of 256 elements in which RAID6 counts its second parity: bytes, added by XOR, multiplied modulo x⁸+x⁴+x³+x²+1, which 2 generates
 * (specs: md-core §11; H. Peter Anvin, "The mathematics of RAID-6"). Tables made once; no state, any thread.
 */
final class GaloisField {

    /** What is added where doubling carries out of the byte. */
    static final int CARRY = 0x1d;

    /** How many elements are powers of 2: all but zero. */
    static final int ORDER = 255;

    private static final byte[] POWERS = new byte[ORDER];
    private static final byte[] LOGARITHMS = new byte[ORDER + 1];

    static {
        int element = 1;
        for (int exponent = 0; exponent < ORDER; exponent++) {
            POWERS[exponent] = (byte) element;
            LOGARITHMS[element] = (byte) exponent;
            element = (element << 1 & 0xFF) ^ (element >= 0x80 ? CARRY : 0);
        }
    }

    private GaloisField() {}

    /** 2 to the power of {@code exponent}, at least 0. */
    static int power(int exponent) {
        return POWERS[exponent % ORDER] & 0xFF;
    }

    /** The element that gives 1 when multiplied by this one, which is not zero. */
    static int inverse(int element) {
        return power(ORDER - (LOGARITHMS[element] & 0xFF));
    }
}
