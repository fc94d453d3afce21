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

    /**
     * For each element its products with what a half of a byte can be: 16 with the lower, then 16 with the upper half. A product of two bytes
     * is two of these, added.
     */
    static final byte[] HALVES = new byte[(ORDER + 1) * 32];

    private static final byte[] POWERS = new byte[ORDER];
    private static final byte[] LOGARITHMS = new byte[ORDER + 1];

    static {
        int element = 1;
        for (int exponent = 0; exponent < ORDER; exponent++) {
            POWERS[exponent] = (byte) element;
            LOGARITHMS[element] = (byte) exponent;
            element = twice(element);
        }
        for (int factor = 0; factor <= ORDER; factor++) {
            int product = factor;
            for (int bit = 0; bit < 8; bit++) {
                int half = factor * 32 + (bit < 4 ? 0 : 16);
                for (int other = 0; other < 16; other++) {
                    if ((other >> (bit & 3) & 1) != 0) {
                        HALVES[half + other] ^= (byte) product;
                    }
                }
                product = twice(product);
            }
        }
    }

    private GaloisField() {}

    private static int twice(int element) {
        return (element << 1 & 0xFF) ^ (element >= 0x80 ? CARRY : 0);
    }

    /** 2 to the power of {@code exponent}, at least 0. */
    static int power(int exponent) {
        return POWERS[exponent % ORDER] & 0xFF;
    }

    /** The element that gives 1 when multiplied by this one, which is not zero. */
    static int inverse(int element) {
        return power(ORDER - (LOGARITHMS[element] & 0xFF));
    }
}
