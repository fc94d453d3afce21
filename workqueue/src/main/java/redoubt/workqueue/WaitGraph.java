package redoubt.workqueue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Who waits for whom, as declared. A circle in it is a hang that is only waiting for its day, and so is a part that reclaim depends on and
 * that waits for a queue without a rescuer. Both are refused when they are declared, that is at the start and in the tests, and not when they
 * happen. Any thread; declaring is not for the data path.
 */
public final class WaitGraph {

    private final Map<String, Set<String>> arrows = new TreeMap<>(); // under this
    private final Set<String> withoutRescuer = new TreeSet<>(); // under this
    private final Set<String> inReclaim = new TreeSet<>(); // under this

    /** Declares a part that is no queue. */
    public void declare(String name, Waits waits) {
        declare(name, waits, true);
    }

    /**
     * Declares a queue or another part. The same declaration may be made again.
     *
     * @param progressesInReclaim whether it makes progress when no thread and no memory can be had; a queue without rescuer does not
     * @throws IllegalStateException if the waits form a circle, or reclaim would depend on what does not progress in reclaim; nothing is
     *     declared then
     */
    public synchronized void declare(String name, Waits waits, boolean progressesInReclaim) {
        WaitGraph tried = new WaitGraph();
        arrows.forEach((from, to) -> tried.arrows.put(from, new TreeSet<>(to)));
        tried.withoutRescuer.addAll(withoutRescuer);
        tried.inReclaim.addAll(inReclaim);
        tried.add(name, waits, progressesInReclaim);
        tried.check();
        add(name, waits, progressesInReclaim);
    }

    private void add(String name, Waits waits, boolean progressesInReclaim) {
        arrows.computeIfAbsent(name, _ -> new TreeSet<>()).addAll(waits.mayWaitFor());
        for (String asker : waits.neededInReclaimBy()) {
            arrows.computeIfAbsent(asker, _ -> new TreeSet<>()).add(name);
            inReclaim.add(asker);
        }
        if (!progressesInReclaim) {
            withoutRescuer.add(name);
        }
    }

    private void check() {
        Set<String> cleared = new TreeSet<>();
        for (String start : List.copyOf(arrows.keySet())) {
            follow(start, new ArrayList<>(), cleared);
        }
        for (String start : inReclaim) {
            refuseUnrescued(start, new ArrayList<>(), new TreeSet<>());
        }
    }

    private void follow(String name, List<String> path, Set<String> cleared) {
        int earlier = path.indexOf(name);
        path.add(name);
        if (earlier >= 0) {
            throw new IllegalStateException(
                    "a circle of waits: " + String.join(" -> ", path.subList(earlier, path.size())));
        }
        if (!cleared.contains(name)) {
            for (String next : arrows.getOrDefault(name, Set.of())) {
                follow(next, path, cleared);
            }
            cleared.add(name);
        }
        path.removeLast();
    }

    private void refuseUnrescued(String name, List<String> path, Set<String> seen) {
        path.add(name);
        if (withoutRescuer.contains(name)) {
            throw new IllegalStateException(
                    "reclaim would depend on a queue without a rescuer: " + String.join(" -> ", path));
        }
        if (seen.add(name)) {
            for (String next : arrows.getOrDefault(name, Set.of())) {
                refuseUnrescued(next, path, seen);
            }
        }
        path.removeLast();
    }

    /** Every declared wait, as "who -> for whom", sorted. */
    public synchronized List<String> waits() {
        List<String> lines = new ArrayList<>();
        arrows.forEach((from, to) -> to.forEach(target -> lines.add(from + " -> " + target)));
        return lines;
    }
}
