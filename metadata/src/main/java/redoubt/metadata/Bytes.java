package redoubt.metadata;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HexFormat;

/** A run of bytes that nobody can change; two are equal when their bytes are. */
public final class Bytes {

    private static final Bytes EMPTY = new Bytes(new byte[0]);

    private final byte[] content;

    private Bytes(byte[] content) {
        this.content = content;
    }

    /** No bytes at all. */
    public static Bytes empty() {
        return EMPTY;
    }

    /** That many zero bytes. */
    public static Bytes zeros(int length) {
        return length == 0 ? EMPTY : new Bytes(new byte[length]);
    }

    /** A copy of the whole array. */
    public static Bytes of(byte[] bytes) {
        return of(bytes, 0, bytes.length);
    }

    /**
     * A copy of a part of an array.
     *
     * @throws IndexOutOfBoundsException if the part is not inside the array
     */
    public static Bytes of(byte[] bytes, int from, int length) {
        if (from < 0 || length < 0 || from > bytes.length - length) {
            throw new IndexOutOfBoundsException("bytes [" + from + ", +" + length + ") of " + bytes.length);
        }
        return length == 0 ? EMPTY : new Bytes(Arrays.copyOfRange(bytes, from, from + length));
    }

    /** How many there are. */
    public int length() {
        return content.length;
    }

    /** The byte at a place, 0 to 255. */
    public int at(int index) {
        return content[index] & 0xFF;
    }

    /** Whether every byte is zero. */
    public boolean isZero() {
        for (byte b : content) {
            if (b != 0) {
                return false;
            }
        }
        return true;
    }

    /** Copies all bytes into {@code target} at its position, without allocating. */
    public void copyTo(ByteBuffer target) {
        target.put(content);
    }

    /** Copies all bytes into an array. */
    public void copyTo(byte[] target, int at) {
        System.arraycopy(content, 0, target, at, content.length);
    }

    /** A fresh array. */
    public byte[] toArray() {
        return content.clone();
    }

    /** A part of these bytes. */
    public Bytes slice(int from, int length) {
        return of(content, from, length);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Bytes that && Arrays.equals(content, that.content);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(content);
    }

    /** The bytes in hex, cut after 32 of them. */
    @Override
    public String toString() {
        int shown = Math.min(content.length, 32);
        String hex = HexFormat.of().formatHex(content, 0, shown);
        return shown == content.length ? hex : hex + "... (" + content.length + " bytes)";
    }
}
