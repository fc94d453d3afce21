package redoubt.kernfs;

/**
 * Where a {@link Show} writes: memory that was there before. Appending allocates nothing; what does not fit is dropped, as the kernel
 * clips what does not fit a page. Belongs to one open file and is used under its lock.
 */
public final class AttributeText {

    private static final int REPLACEMENT = 0xFFFD;

    private final byte[] bytes;
    private int length;
    private boolean clipped;

    AttributeText(int capacityBytes) {
        bytes = new byte[capacityBytes];
    }

    void clear() {
        length = 0;
        clipped = false;
    }

    byte[] bytes() {
        return bytes;
    }

    int length() {
        return length;
    }

    /** Whether something did not fit. */
    public boolean clipped() {
        return clipped;
    }

    /** How many bytes still fit. */
    public int room() {
        return bytes.length - length;
    }

    /** Appends text as UTF-8. */
    public AttributeText append(CharSequence text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c < 0x80) {
                put(c);
            } else if (Character.isHighSurrogate(c)
                    && i + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(i + 1))) {
                i++;
                putCodePoint(Character.toCodePoint(c, text.charAt(i)));
            } else {
                putCodePoint(Character.isSurrogate(c) ? REPLACEMENT : c);
            }
        }
        return this;
    }

    /** Appends one ASCII character. */
    public AttributeText append(char ascii) {
        put(ascii & 0x7F);
        return this;
    }

    /** Appends a number in decimal. */
    public AttributeText append(long number) {
        if (number < 0) {
            put('-');
        }
        long divisor = 1;
        while (number / divisor > 9 || number / divisor < -9) {
            divisor *= 10;
        }
        for (; divisor != 0; divisor /= 10) {
            put('0' + (int) Math.abs(number / divisor % 10));
        }
        return this;
    }

    /** Ends the value with a newline. */
    public Outcome line() {
        put('\n');
        return Outcome.OK;
    }

    private void putCodePoint(int point) {
        if (point < 0x800) {
            put(0xC0 | point >>> 6);
        } else if (point < 0x10000) {
            put(0xE0 | point >>> 12);
            put(0x80 | ((point >>> 6) & 0x3F));
        } else {
            put(0xF0 | point >>> 18);
            put(0x80 | ((point >>> 12) & 0x3F));
            put(0x80 | ((point >>> 6) & 0x3F));
        }
        put(0x80 | (point & 0x3F));
    }

    private void put(int octet) {
        if (length < bytes.length) {
            bytes[length++] = (byte) octet;
        } else {
            clipped = true;
        }
    }
}
