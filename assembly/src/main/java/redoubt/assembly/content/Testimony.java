package redoubt.assembly.content;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import redoubt.base.Extent;

/**
 * What was found where it belongs, and what was not. A structure found gives points: one where it is only a few bytes that might be there by
 * chance or from an earlier life, more where it carries a checksum or names its own place. A structure that another one promises, and that
 * is not there, costs {@link #MISS_POINTS}.
 */
public final class Testimony {

    private static final int MISS_POINTS = 2;

    private final Map<String, Integer> found = new LinkedHashMap<>();
    private int points;
    private int misses;

    private final long accounted;
    private final List<Extent> known = new ArrayList<>();
    private boolean fills;

    /** Nothing found, nothing missed. */
    public Testimony() {
        this(0);
    }

    Testimony(long accounted) {
        this.accounted = accounted;
    }

    void found(String what, int worth) {
        found.merge(what, 1, Integer::sum);
        points += worth;
    }

    void missed() {
        misses++;
    }

    void check(boolean there, String what, int worth) {
        if (there) {
            found(what, worth);
        } else {
            missed();
        }
    }

    void fills() {
        fills = true;
    }

    /** Whether it is asked what is known to be at a place. */
    boolean asks(Content content, long at) {
        return at >= 0 && content.origin() + at < accounted;
    }

    /** These bytes are what they should be, by a checksum, by their own place that they name, or in every field. */
    void accounts(Content content, long at, long length) {
        if (asks(content, at)) {
            known.add(new Extent(content.origin() + at, length));
        }
    }

    /**
     * Whether anything stands in a piece of the content that is neither zero nor known by what was found.
     *
     * @param at where the piece lies in the content
     * @param bytes the piece; what is known in it is made zero
     */
    public boolean unaccounted(long at, byte[] bytes) {
        for (Extent extent : known) {
            long from = Math.max(at, extent.offset());
            long to = Math.min(at + bytes.length, extent.end());
            if (from < to) {
                Arrays.fill(bytes, (int) (from - at), (int) (to - at), (byte) 0);
            }
        }
        for (byte each : bytes) {
            if (each != 0) {
                return true;
            }
        }
        return false;
    }

    /** Whether what was found fills the content by its own word, or the partition that it stands in, and is alone there. */
    public boolean fitting() {
        return fills;
    }

    /** How much was missed that something else promises. */
    public int misses() {
        return misses;
    }

    /** What it adds up to. */
    public int score() {
        return points - MISS_POINTS * misses;
    }

    /** Whether nothing was missed that something else promises. */
    public boolean wholesome() {
        return misses == 0;
    }

    /** Whether anything was found at all. */
    public boolean silent() {
        return found.isEmpty();
    }

    /** What was found, in words: "GPT header, 4 ext superblock copies". */
    public String words() {
        List<String> words = new ArrayList<>();
        found.forEach((what, times) -> words.add(times == 1 ? what : times + " times " + what));
        return String.join(", ", words);
    }

    /** What was found, each once. */
    public List<String> kinds() {
        return List.copyOf(found.keySet());
    }
}
