package redoubt.assembly.content;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

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

    /** Nothing found, nothing missed. */
    public Testimony() {}

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
