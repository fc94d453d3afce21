package redoubt.base;

import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/**
 * The ten words of {@code array_state} and the moves between them that are lawful (Linux, Documentation/admin-guide/md.rst and
 * drivers/md/md.c, array_state_store).
 *
 * <p>Outside, the words keep the kernel's spelling ({@link #word()}); inside they are this enum.
 */
public enum ArrayState {
    /** No disks, nothing configured. */
    CLEAR("clear"),
    /** Configured, not started. */
    INACTIVE("inactive"),
    /** Started, all requests wait. Never shown by Linux; kept for its word. */
    SUSPENDED("suspended"),
    /** Started, never writes, neither data nor metadata. */
    READONLY("readonly"),
    /** Started, writes nothing until the first write request arrives. */
    READ_AUTO("read-auto"),
    /** Started, no write in flight, the metadata on the members says clean. */
    CLEAN("clean"),
    /** Started, the metadata on the members says dirty, writes pass. */
    ACTIVE("active"),
    /** A write waits at the gate for the dirty mark to become durable. */
    WRITE_PENDING("write-pending"),
    /** Dirty on disk, but no write for the safe-mode delay: about to become clean. */
    ACTIVE_IDLE("active-idle"),
    /** More members are gone than the level survives: writes fail, reads are tried. */
    BROKEN("broken");

    private final String word;

    ArrayState(String word) {
        this.word = word;
    }

    /** The kernel's word. */
    public String word() {
        return word;
    }

    /** Whether an array in it is started. */
    public boolean isRunning() {
        return this != CLEAR && this != INACTIVE;
    }

    /** The state whose word this is. */
    public static java.util.Optional<ArrayState> ofWord(String word) {
        for (ArrayState state : values()) {
            if (state.word.equals(word)) {
                return java.util.Optional.of(state);
            }
        }
        return java.util.Optional.empty();
    }

    private static final Map<ArrayState, Set<ArrayState>> LAWFUL = new EnumMap<>(ArrayState.class);

    static {
        LAWFUL.put(CLEAR, EnumSet.of(INACTIVE, READONLY, READ_AUTO, CLEAN, ACTIVE));
        LAWFUL.put(INACTIVE, EnumSet.of(CLEAR, READONLY, READ_AUTO, CLEAN, ACTIVE, BROKEN));
        LAWFUL.put(SUSPENDED, EnumSet.noneOf(ArrayState.class));
        LAWFUL.put(READONLY, EnumSet.of(CLEAR, INACTIVE, READ_AUTO, CLEAN, ACTIVE, BROKEN));
        LAWFUL.put(READ_AUTO, EnumSet.of(CLEAR, INACTIVE, READONLY, CLEAN, ACTIVE, WRITE_PENDING, BROKEN));
        LAWFUL.put(CLEAN, EnumSet.of(CLEAR, INACTIVE, READONLY, READ_AUTO, WRITE_PENDING, BROKEN));
        LAWFUL.put(WRITE_PENDING, EnumSet.of(ACTIVE, INACTIVE, CLEAR, BROKEN)); // INACTIVE: stopped while the mark hung
        LAWFUL.put(ACTIVE, EnumSet.of(ACTIVE_IDLE, CLEAN, INACTIVE, CLEAR, READONLY, READ_AUTO, WRITE_PENDING, BROKEN));
        LAWFUL.put(ACTIVE_IDLE, EnumSet.of(ACTIVE, CLEAN, INACTIVE, CLEAR, READONLY, READ_AUTO, WRITE_PENDING, BROKEN));
        LAWFUL.put(BROKEN, EnumSet.of(CLEAR, INACTIVE));
    }

    /** Whether an array in this state may show {@code next} as its next state; staying is always lawful. */
    public boolean mayBecome(ArrayState next) {
        Set<ArrayState> moves = LAWFUL.get(this);
        return next == this || (moves != null && moves.contains(next));
    }
}
