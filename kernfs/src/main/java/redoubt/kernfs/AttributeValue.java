package redoubt.kernfs;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * What somebody wants stored: the bytes as they came, in memory that was there before. One trailing newline does not count. Belongs to
 * one open file and is valid during {@link Store#store} only.
 */
public final class AttributeValue {

    private final byte[] bytes;
    private int length;

    AttributeValue(int capacityBytes) {
        bytes = new byte[capacityBytes];
    }

    /** Takes what fits. */
    int take(ByteBuffer source) {
        int taken = Math.min(source.remaining(), bytes.length);
        source.get(bytes, 0, taken);
        length = taken > 0 && bytes[taken - 1] == '\n' ? taken - 1 : taken;
        return taken;
    }

    /** Bytes, without the trailing newline. */
    public int length() {
        return length;
    }

    /** Whether the value is exactly this ASCII word. Allocates nothing. */
    public boolean is(String word) {
        if (word.length() != length) {
            return false;
        }
        for (int i = 0; i < length; i++) {
            if (word.charAt(i) != (bytes[i] & 0xFF)) {
                return false;
            }
        }
        return true;
    }

    /** The value as text; allocates it. */
    public String text() {
        return new String(bytes, 0, length, StandardCharsets.UTF_8);
    }

    @Override
    public String toString() {
        return text();
    }
}
