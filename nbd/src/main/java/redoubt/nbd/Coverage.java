package redoubt.nbd;

/**
 * Which bytes of a READ have come. A server may send them in pieces and in any order, but each byte only once, and not in more than
 * {@value #PIECES} separate pieces at a time: nobody does that, and there shall be a bound.
 */
final class Coverage {

    static final int PIECES = 16;

    // Disjoint, rising, and never touching each other.
    private final long[] begins = new long[PIECES];
    private final long[] ends = new long[PIECES];
    private int count;

    void clear() {
        count = 0;
    }

    /** Takes a piece in; answers false if a byte of it came before, or if there are too many pieces. */
    boolean add(long at, long length) {
        long end = at + length;
        int i = 0;
        while (i < count && ends[i] < at) {
            i++;
        }
        if (i < count && ends[i] == at) {
            int next = i + 1;
            if (next < count && begins[next] < end) {
                return false;
            }
            ends[i] = end;
            if (next < count && begins[next] == end) {
                ends[i] = ends[next];
                count--;
                System.arraycopy(begins, next + 1, begins, next, count - next);
                System.arraycopy(ends, next + 1, ends, next, count - next);
            }
            return true;
        }
        if (i < count && begins[i] < end) {
            return false;
        }
        if (i < count && begins[i] == end) {
            begins[i] = at;
            return true;
        }
        if (count == PIECES) {
            return false;
        }
        System.arraycopy(begins, i, begins, i + 1, count - i);
        System.arraycopy(ends, i, ends, i + 1, count - i);
        begins[i] = at;
        ends[i] = end;
        count++;
        return true;
    }

    /** Whether all bytes from 0 to {@code length} have come. */
    boolean isWhole(long length) {
        return count == 1 && begins[0] == 0 && ends[0] == length;
    }
}
