package redoubt.workqueue;

import java.util.Set;
import java.util.TreeSet;

/**
 * What the items of a queue, or the work of any other part, may wait for, and who waits for them while memory is being reclaimed. A wait is
 * any: a flush, a lock, an event, an answer from outside. Names are those of queues, or of parts that are no queues.
 *
 * @param mayWaitFor who must make progress for this one to make progress
 * @param neededInReclaimBy who cannot make progress in reclaim unless this one does
 */
public record Waits(Set<String> mayWaitFor, Set<String> neededInReclaimBy) {

    /** Copies. */
    public Waits {
        mayWaitFor = Set.copyOf(mayWaitFor);
        neededInReclaimBy = Set.copyOf(neededInReclaimBy);
    }

    /** Nothing is waited for, and nobody waits in reclaim. */
    public static Waits forNothing() {
        return new Waits(Set.of(), Set.of());
    }

    /** The items may wait for these. */
    public static Waits on(String... names) {
        return new Waits(Set.of(names), Set.of());
    }

    /** The same, and these wait for it in reclaim. */
    public Waits neededBy(String... names) {
        Set<String> all = new TreeSet<>(neededInReclaimBy);
        all.addAll(Set.of(names));
        return new Waits(mayWaitFor, all);
    }

    boolean isNeededInReclaim() {
        return !neededInReclaimBy.isEmpty();
    }
}
