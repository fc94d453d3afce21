package redoubt.testkit;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Whether members came back into sync though nobody rebuilt them: for what listens to an array, which does not refuse that by itself. Any thread. */
public final class Comebacks {

    private final List<String> seen = new CopyOnWriteArrayList<>();

    /** Makes one that has seen none. */
    public Comebacks() {}

    /** Slots that were in sync, and those that are, a bit each. */
    public void look(long before, long after) {
        long came = after & ~before;
        if (came != 0) {
            seen.add("slots %x came into sync without a rebuild".formatted(came));
        }
    }

    /** Those that were seen, in words. */
    public List<String> seen() {
        return List.copyOf(seen);
    }

    /** Whether there were none. */
    public boolean none() {
        return seen.isEmpty();
    }
}
