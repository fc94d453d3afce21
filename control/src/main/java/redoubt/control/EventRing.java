package redoubt.control;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import org.jspecify.annotations.Nullable;
import redoubt.base.Clock;
import redoubt.kernfs.AttributeText;
import redoubt.kernfs.KernfsAttribute;
import redoubt.kernfs.Outcome;

/**
 * The last {@value #CAPACITY} things that happened, in mdadm's words, and the {@code events} attribute that shows them. Whoever reports
 * something never waits for a reader: the oldest is overwritten, and the numbers tell a reader what it missed.
 *
 * <p>The attribute's first line is {@code overwritten N}; each further line is
 * {@code NUMBER <tab> TIME <tab> WORD <tab> ARRAY <tab> MEMBER}, oldest first, numbers rising by one.
 *
 * <p>Any thread records. An entry's stamp is its number + 1 when the entry is whole and 0 while it is written; a reader takes only
 * entries whose stamp is the same before and after.
 */
public final class EventRing {

    private static final int CAPACITY = 200;
    private static final int NAME_LIMIT_CHARS = 64;
    private static final int MEMBER_LIMIT_CHARS = 160;

    private final Clock clock;
    private final AtomicLong recorded = new AtomicLong();
    private final AtomicLongArray stamps = new AtomicLongArray(CAPACITY);
    private final long[] epochMillis = new long[CAPACITY];
    private final @Nullable String[] words = new @Nullable String[CAPACITY];
    private final @Nullable String[] arrays = new @Nullable String[CAPACITY];
    private final @Nullable String[] members = new @Nullable String[CAPACITY];
    private final KernfsAttribute attribute =
            KernfsAttribute.large("events", ControlWords.READ_LIMIT_BYTES, this::show);

    /** An empty ring. */
    public EventRing(Clock clock) {
        this.clock = clock;
    }

    /** The attribute; to be put into a tree once. */
    public KernfsAttribute attribute() {
        return attribute;
    }

    /**
     * Records that something happened.
     *
     * @param word mdadm's word for it
     * @param array the array's name
     * @param member the member's name, or empty
     */
    public void record(String word, String array, String member) {
        long number = recorded.getAndIncrement();
        int at = (int) (number % CAPACITY);
        stamps.set(at, 0);
        epochMillis[at] = clock.wallTime().toEpochMilli();
        words[at] = word;
        arrays[at] = array;
        members[at] = member;
        stamps.set(at, number + 1);
        attribute.notifyChange();
    }

    /** How many were recorded, ever. */
    public long recorded() {
        return recorded.get();
    }

    private Outcome show(AttributeText out) {
        long end = recorded.get();
        long first = Math.max(0, end - CAPACITY);
        out.append("overwritten ").append(first).line();
        for (long number = first; number < end; number++) {
            int at = (int) (number % CAPACITY);
            long stamp = stamps.get(at);
            long millis = epochMillis[at];
            String word = words[at];
            String array = arrays[at];
            String member = members[at];
            if (stamp == number + 1 && stamps.get(at) == stamp && word != null && array != null && member != null) {
                out.append(number).append('\t');
                out.append(java.time.Instant.ofEpochMilli(millis).toString()).append('\t');
                text(out, word, NAME_LIMIT_CHARS).append('\t');
                text(out, array, NAME_LIMIT_CHARS).append('\t');
                text(out, member, MEMBER_LIMIT_CHARS).line();
            }
        }
        return Outcome.OK;
    }

    /** Names come from disks: nothing in them may look like the end of a field. */
    private static AttributeText text(AttributeText out, String name, int limit) {
        int length = Math.min(name.length(), limit);
        for (int i = 0; i < length; i++) {
            char c = name.charAt(i);
            out.append(c < 0x20 || c > 0x7E ? '?' : c);
        }
        return out;
    }
}
