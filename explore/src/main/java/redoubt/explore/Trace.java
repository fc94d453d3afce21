package redoubt.explore;

import java.util.ArrayList;
import java.util.List;

/**
 * A schedule that ends in a hang, and what everybody stands in then.
 *
 * @param steps what was done, in order
 * @param tasks who is there at the end and has not done what it was there for
 * @param chain who waits for whom, from a write on; what the last one waits for is the first of a circle, or will not come
 */
public record Trace(List<Step> steps, List<Stuck> tasks, List<Link> chain) {

    /** Copies. */
    public Trace {
        steps = List.copyOf(steps);
        tasks = List.copyOf(tasks);
        chain = List.copyOf(chain);
    }

    /** One that waits. */
    public record Link(String who, String waits) {}

    /**
     * One step.
     *
     * @param task who went on; "time" for a round of timers
     * @param pid its number, 0 for time
     * @param did what it did that is worth saying, in order
     */
    public record Step(String task, int pid, List<String> did) {
        /** Copies. */
        public Step {
            did = List.copyOf(did);
        }
    }

    /**
     * A task at the end.
     *
     * @param frames where it stands, innermost first; empty if it sleeps between two pieces of work
     */
    public record Stuck(String task, int pid, List<String> frames) {
        /** Copies. */
        public Stuck {
            frames = List.copyOf(frames);
        }
    }

    /** Plays the schedule once more and watches. */
    static Trace of(Cell cell, Bounds bounds, int[] schedule) {
        try (Story story = new Story(cell, bounds)) {
            List<Step> steps = new ArrayList<>();
            for (int choice : schedule) {
                Search.take(story, choice);
                List<String> did = story.stage().takeNotes();
                if (choice == Search.TIME) {
                    steps.add(new Step("time", 0, did));
                } else {
                    Stage.Task task = story.stage().tasks().get(choice);
                    steps.add(new Step(task.name(), task.pid(), did));
                }
            }
            List<Stuck> stuck = new ArrayList<>();
            for (Stage.Task task : story.stage().tasks()) {
                if (task.standsStill()) {
                    stuck.add(new Stuck(task.name(), task.pid(), frames(task)));
                }
            }
            return new Trace(steps, stuck, Chain.of(story));
        }
    }

    static List<String> frames(Stage.Task task) {
        List<String> frames = new ArrayList<>();
        for (StackTraceElement frame : task.frames()) {
            String type = frame.getClassName();
            if (!frame.getMethodName().startsWith("lambda$")) {
                frames.add(type.substring(type.lastIndexOf('.') + 1).replace('$', '.') + "." + frame.getMethodName());
            }
        }
        return frames;
    }
}
