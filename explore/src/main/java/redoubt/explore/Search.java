package redoubt.explore;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Goes through every schedule of one cell, within bounds, and judges. A state is reached by playing the choices that led to it from the start; one that was met
 * before, by its {@link Fingerprint}, is not gone through again. What comes of it is a graph: states, and which task's going on leads from which to which.
 *
 * <p><b>The verdict</b> is about that graph. A part of it in which one can go from every state to every other, in which no write comes to its end, and which is
 * <em>weakly fair</em>, is a hang: whoever is able all the while does go on in it, and so does time, and yet it goes on for ever. A state in which nobody is able,
 * and time changes nothing, is the plainest such part. If there is none, and all was gone through, every write always ends.
 *
 * <p>No two steps are taken to be independent: nothing is left out of the graph but by the fingerprints and the bounds.
 */
final class Search {

    /** The choice that lets time go on; all others are places in the list of tasks. */
    static final int TIME = -1;

    private static final int[] NOBODY = {};

    /** A state, and where each choice in it leads. */
    private static final class State {
        final int number;
        final int[] choices;
        final int[] targets;
        final boolean done;
        int tried;
        int depth;

        @Nullable
        State from; // by which it was met with the fewest steps

        int by;
        final Fingerprint.Print print;

        State(int number, int[] choices, boolean done, Fingerprint.Print print) {
            this.number = number;
            this.choices = choices;
            this.targets = new int[choices.length];
            this.done = done;
            this.print = print;
        }
    }

    private final Cell cell;
    private final Bounds bounds;
    private final Fingerprint reading = new Fingerprint();
    private final Map<Fingerprint.Print, State> known = new HashMap<>();
    private final List<State> states = new ArrayList<>();
    private final ArrayDeque<State> unfinished = new ArrayDeque<>();
    private @Nullable Story story;
    private int transitions;
    private int replays;

    Search(Cell cell, Bounds bounds) {
        this.cell = cell;
        this.bounds = bounds;
    }

    /** What was found. */
    Verdict run() {
        try {
            Story first = begin();
            State at = meet(first);
            while (at != null && states.size() < bounds.states()) {
                at = at.tried < at.choices.length ? goOn(at) : nextUnfinished();
            }
            boolean exhausted = states.size() < bounds.states();
            int hang = nearestHang();
            if (hang >= 0) {
                int[] schedule = wayTo(hang);
                return Verdict.canHang(
                        cell, bounds, states.size(), transitions, replays, Trace.of(cell, bounds, schedule));
            }
            return Verdict.noHang(cell, bounds, exhausted, states.size(), transitions, replays);
        } finally {
            end();
        }
    }

    private Story begin() {
        end();
        Story fresh = new Story(cell, bounds);
        story = fresh;
        return fresh;
    }

    private void end() {
        Story last = story;
        if (last != null) {
            last.close();
            story = null;
        }
    }

    /** What can be chosen. */
    static int[] choices(Story story) {
        if (story.isDone()) {
            return NOBODY;
        }
        List<Stage.Task> tasks = story.stage().tasks();
        int[] able = new int[tasks.size() + 1];
        int count = 0;
        for (int i = 0; i < tasks.size(); i++) {
            if (tasks.get(i).isAble()) {
                able[count++] = i;
            }
        }
        if (story.timeMayGoOn(count > 0)) {
            able[count++] = TIME;
        }
        return Arrays.copyOf(able, count);
    }

    /** Does what was chosen. */
    static void take(Story story, int choice) {
        if (choice == TIME) {
            story.timeGoesOn(!story.stage().able().isEmpty());
        } else {
            story.stage().step(story.stage().tasks().get(choice));
        }
    }

    private State meet(Story at) {
        Fingerprint.Print print = at.print(reading);
        State state = known.get(print);
        if (state == null) {
            state = new State(states.size(), choices(at), at.isDone(), print);
            known.put(print, state);
            states.add(state);
            if (state.choices.length > 0) {
                unfinished.push(state);
            }
        }
        return state;
    }

    private State goOn(State at) {
        int place = at.tried++;
        Story playing = java.util.Objects.requireNonNull(story);
        take(playing, at.choices[place]);
        transitions++;
        int before = states.size();
        State next = meet(playing);
        at.targets[place] = next.number;
        if (next.number == before || next.depth > at.depth + 1) {
            next.from = at;
            next.by = at.choices[place];
            next.depth = at.depth + 1;
        }
        return next;
    }

    private @Nullable State nextUnfinished() {
        State state;
        while ((state = unfinished.peek()) != null && state.tried == state.choices.length) {
            unfinished.pop();
        }
        if (state == null) {
            return null;
        }
        replays++;
        Story fresh = begin();
        for (int choice : wayOf(state)) {
            take(fresh, choice);
        }
        if (!fresh.print(reading).equals(state.print)) {
            throw new IllegalStateException(
                    "the same choices led to another state: something decides that is not seen");
        }
        return state;
    }

    private static int[] wayOf(State state) {
        List<Integer> way = new ArrayList<>();
        State at = state;
        State from;
        while ((from = at.from) != null) {
            way.addFirst(at.by);
            at = from;
        }
        return way.stream().mapToInt(Integer::intValue).toArray();
    }

    // ---------------------------------------------------------------------------------------------- the verdict

    /** The nearest state of a fair part without an end, or -1. */
    private int nearestHang() {
        int[] parts = new Parts(states.size()).of();
        Map<Integer, List<State>> byPart = new HashMap<>();
        for (State state : states) {
            byPart.computeIfAbsent(parts[state.number], _ -> new ArrayList<>()).add(state);
        }
        boolean[] hangs = new boolean[states.size()];
        boolean any = false;
        for (List<State> part : byPart.values()) {
            if (isFairAndEndless(part, parts)) {
                part.forEach(state -> hangs[state.number] = true);
                any = true;
            }
        }
        return any ? nearest(hangs) : -1;
    }

    private static boolean isFairAndEndless(List<State> part, int[] parts) {
        State first = part.getFirst();
        if (first.done) {
            return false;
        }
        boolean anyInside = false;
        for (int i = 0; i < first.choices.length; i++) {
            int choice = first.choices[i];
            boolean always = true;
            boolean inside = false;
            for (State state : part) {
                int place = placeOf(state, choice);
                always &= place >= 0;
                inside |= place >= 0 && place < state.tried && parts[state.targets[place]] == parts[state.number];
            }
            anyInside |= inside;
            if (always && !inside) {
                return false;
            }
        }
        return anyInside || part.size() > 1;
    }

    private static int placeOf(State state, int choice) {
        for (int i = 0; i < state.choices.length; i++) {
            if (state.choices[i] == choice) {
                return i;
            }
        }
        return -1;
    }

    private int[] cameFrom = {};
    private int[] cameBy = {};

    private int nearest(boolean[] wanted) {
        cameFrom = new int[states.size()];
        cameBy = new int[states.size()];
        Arrays.fill(cameFrom, -1);
        ArrayDeque<Integer> todo = new ArrayDeque<>(List.of(0));
        boolean[] seen = new boolean[states.size()];
        seen[0] = true;
        while (true) {
            int at = todo.remove();
            if (wanted[at]) {
                return at;
            }
            State state = states.get(at);
            for (int i = 0; i < state.tried; i++) {
                int next = state.targets[i];
                if (!seen[next]) {
                    seen[next] = true;
                    cameFrom[next] = at;
                    cameBy[next] = state.choices[i];
                    todo.add(next);
                }
            }
        }
    }

    private int[] wayTo(int state) {
        List<Integer> way = new ArrayList<>();
        for (int at = state; cameFrom[at] >= 0; at = cameFrom[at]) {
            way.addFirst(cameBy[at]);
        }
        return way.stream().mapToInt(Integer::intValue).toArray();
    }

    /** The parts in which one can go from every state to every other (Tarjan, SIAM Journal on Computing 1, 1972), without recursion. */
    private final class Parts {
        private final int[] index;
        private final int[] lowest;
        private final int[] part;
        private final int[] place;
        private final boolean[] open;
        private int met;
        private int found;

        Parts(int count) {
            index = new int[count];
            lowest = new int[count];
            part = new int[count];
            place = new int[count];
            open = new boolean[count];
        }

        int[] of() {
            for (State state : states) {
                if (index[state.number] == 0) {
                    from(state.number);
                }
            }
            return part;
        }

        private void from(int start) {
            ArrayDeque<Integer> path = new ArrayDeque<>();
            ArrayDeque<Integer> waiting = new ArrayDeque<>();
            enter(start, path, waiting);
            while (!path.isEmpty()) {
                int at = path.peek();
                State state = states.get(at);
                if (place[at] < state.tried) {
                    int next = state.targets[place[at]++];
                    if (index[next] == 0) {
                        enter(next, path, waiting);
                    } else if (open[next]) {
                        lowest[at] = Math.min(lowest[at], index[next]);
                    }
                } else {
                    path.pop();
                    Integer parent = path.peek();
                    if (parent != null) {
                        lowest[parent] = Math.min(lowest[parent], lowest[at]);
                    }
                    if (lowest[at] == index[at]) {
                        int member;
                        do {
                            member = waiting.pop();
                            open[member] = false;
                            part[member] = found;
                        } while (member != at);
                        found++;
                    }
                }
            }
        }

        private void enter(int state, ArrayDeque<Integer> path, ArrayDeque<Integer> waiting) {
            index[state] = ++met;
            lowest[state] = met;
            open[state] = true;
            path.push(state);
            waiting.push(state);
        }
    }
}
