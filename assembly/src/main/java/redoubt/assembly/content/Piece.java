package redoubt.assembly.content;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import redoubt.metadata.ReadFailed;

/** A few bytes of a content, read as numbers in one byte order. */
final class Piece {

    private final byte[] bytes;
    private final ByteBuffer numbers;

    private Piece(byte[] bytes, ByteOrder order) {
        this.bytes = bytes;
        this.numbers = ByteBuffer.wrap(bytes).order(order);
    }

    /** With little-endian numbers; zeroes where it lies outside of the content. */
    static Piece little(Content content, long offset, int length) throws ReadFailed {
        return of(content, offset, length, ByteOrder.LITTLE_ENDIAN);
    }

    /** With big-endian numbers; zeroes where it lies outside of the content. */
    static Piece big(Content content, long offset, int length) throws ReadFailed {
        return of(content, offset, length, ByteOrder.BIG_ENDIAN);
    }

    private static Piece of(Content content, long offset, int length, ByteOrder order) throws ReadFailed {
        boolean inside = offset >= 0 && length >= 0 && offset <= content.size() - length;
        return new Piece(inside ? content.read(offset, length) : new byte[length], order);
    }

    byte get(int at) {
        return bytes[at];
    }

    short getShort(int at) {
        return numbers.getShort(at);
    }

    int getInt(int at) {
        return numbers.getInt(at);
    }

    long getLong(int at) {
        return numbers.getLong(at);
    }

    byte[] bytes() {
        return bytes;
    }

    boolean sameAs(Piece other, int from, int to) {
        return Arrays.equals(bytes, from, to, other.bytes, from, to);
    }
}
