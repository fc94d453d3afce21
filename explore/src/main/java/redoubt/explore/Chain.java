package redoubt.explore;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import redoubt.base.ArrayState;

/**
 * Says who waits for whom where a scenario stands still: from a write, link by link, until the chain comes back to itself or ends with somebody who will
 * not go on. It is read off the state: where each task stands, what the array shows, and which switch was set.
 */
final class Chain {

    /** What can be in a chain. */
    private enum Who {
        LOG_WRITE,
        WRITE,
        MARK,
        DAEMON,
        NOTICE,
        ROOM_FOR_NOTICE,
        MANAGER,
        MEMORY,
        FLUSH_WORK,
        SUPERS
    }

    private final Story story;
    private final List<Trace.Link> links = new ArrayList<>();

    private Chain(Story story) {
        this.story = story;
    }

    /** The chain that a write that has not ended stands at the head of. */
    static List<Trace.Link> of(Story story) {
        Chain chain = new Chain(story);
        Set<Who> seen = new LinkedHashSet<>();
        Who at = story.logWritten() ? Who.WRITE : Who.LOG_WRITE;
        while (at != null && seen.add(at)) {
            at = chain.after(at);
        }
        return chain.links;
    }

    private @Nullable Who after(Who who) {
        return switch (who) {
            case LOG_WRITE -> write("the log write");
            case WRITE -> write("the write of " + named("Application.write"));
            case MARK -> link("the dirty mark", "is made by the metadata daemon, and by nobody else", Who.DAEMON);
            case DAEMON -> daemon();
            case NOTICE -> notice();
            case ROOM_FOR_NOTICE -> roomForNotice();
            case MANAGER -> manager();
            case MEMORY -> memory();
            case FLUSH_WORK ->
                link(
                        named("FlushWork.writeStart") + ", md's flush work",
                        "waits for the log write to end",
                        Who.LOG_WRITE);
            case SUPERS ->
                link(named("Mounting.mounted") + ", which holds the supers lock", "waits for memory", Who.MEMORY);
        };
    }

    private @Nullable Who link(String who, String waits, @Nullable Who next) {
        links.add(new Trace.Link(who, waits));
        return next;
    }

    private @Nullable Who write(String which) {
        ArrayState state = story.array().view().state();
        if (state != ArrayState.WRITE_PENDING) {
            return link(which, "has not come to " + Story.ARRAY + ", which is " + state.word(), null);
        }
        return link(which, "is parked at the gate of " + Story.ARRAY + " until the metadata says dirty", Who.MARK);
    }

    private @Nullable Who daemon() {
        String daemon = named("Mdmon.run");
        return switch (story.cell().daemon()) {
            case STOPPED -> link(daemon, "is stopped", null);
            case ALLOCATES, HELD ->
                find("Memory.allocate", "Mdmon.run") != null
                        ? link(daemon, "waits for memory", Who.MEMORY)
                        : link(daemon, "waits in poll for array_state to be notified", Who.NOTICE);
            case WELL -> link(daemon, "waits in poll for array_state to be notified", Who.NOTICE);
        };
    }

    private @Nullable Who notice() {
        if (find("SupersLock.lockForReading", "NotifyWork.run") != null) {
            return link(
                    "the item of kernfs that wakes pollers, on " + named("NotifyWork.run"),
                    "tells of another attribute first, and waits for the supers lock",
                    Who.SUPERS);
        }
        return link(
                "the item of kernfs that wakes pollers",
                "is queued on '%s', which has no rescuer, and waits for a worker"
                        .formatted(story.notifyQueue().name()),
                Who.ROOM_FOR_NOTICE);
    }

    private @Nullable Who roomForNotice() {
        return link("pool-0", "has no idle worker and waits for its manager to make one", Who.MANAGER);
    }

    private @Nullable Who manager() {
        return story.cell().creation() == Cell.Creation.HANGS
                ? link(named("Manager.tryOnce") + ", the manager", "waits for kthreadd to make a thread", Who.MEMORY)
                : link("the manager of pool-0", "is told each second that there is no thread to be had", null);
    }

    private @Nullable Who memory() {
        String reclaimer = named("Memory.reclaim") + ", which reclaims memory,";
        return find("FlushWork.flush", "Memory.reclaim") != null
                ? link(reclaimer, "waits for the log of the file system, that is, for md's flush work", Who.FLUSH_WORK)
                : link(reclaimer, "waits for the log of the file system, that is, for the log write", Who.LOG_WRITE);
    }

    private String named(String frame) {
        Stage.Task task = find(frame, frame);
        return task == null ? "somebody" : task.name() + " (" + task.pid() + ")";
    }

    private Stage.@Nullable Task find(String frame, String other) {
        for (Stage.Task task : story.stage().tasks()) {
            List<String> frames = Trace.frames(task);
            if (has(frames, frame) && has(frames, other)) {
                return task;
            }
        }
        return null;
    }

    private static boolean has(List<String> frames, String frame) {
        return frames.stream().anyMatch(each -> each.equals(frame) || each.endsWith("." + frame));
    }
}
