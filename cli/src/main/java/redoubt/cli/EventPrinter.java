package redoubt.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import redoubt.base.Threads;
import redoubt.kernfs.Access;
import redoubt.kernfs.KernfsAttribute;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.NodeRefused;
import redoubt.kernfs.OpenFile;

/**
 * Says on stderr what happens to the arrays. On a thread of its own, since stderr may be a pipe that nobody reads: an array never waits
 * for it, and neither does stopping.
 */
final class EventPrinter {

    private static final int COMPLAINTS_LIMIT = 64;

    private final Console console;
    private final ConcurrentLinkedQueue<String> complaints = new ConcurrentLinkedQueue<>();
    private final AtomicInteger held = new AtomicInteger();
    private @Nullable Thread follower;
    private long next;

    EventPrinter(Console console) {
        this.console = console;
    }

    /** Something could not be recorded; said in a while, or dropped if nobody has read the last {@value #COMPLAINTS_LIMIT}. */
    void complain(String sentence) {
        if (held.incrementAndGet() <= COMPLAINTS_LIMIT) {
            complaints.add(sentence);
        } else {
            held.decrementAndGet();
        }
    }

    /** Follows the events of a tree from now on. */
    void follow(KernfsDirectory root) {
        try {
            KernfsAttribute events = root.attribute("events");
            OpenFile file = events.open(Access.READ);
            ByteBuffer text = ByteBuffer.allocate(events.capacityBytes());
            follower = Threads.start("redoubt-events", () -> follow(file, text));
        } catch (NodeRefused impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** Follows them no longer; what was not said stays unsaid. */
    void stop() {
        Thread following = follower;
        if (following != null) {
            following.interrupt();
        }
    }

    private void follow(OpenFile file, ByteBuffer text) {
        while (!Thread.currentThread().isInterrupted()) {
            boolean changed = file.awaitChange(TimeUnit.SECONDS.toNanos(1));
            for (String sentence = complaints.poll(); sentence != null; sentence = complaints.poll()) {
                held.decrementAndGet();
                console.say(sentence);
            }
            if (changed) {
                text.clear();
                file.read(0, text);
                print(EventsCommand.parse(UTF_8.decode(text.flip()).toString()));
            }
        }
    }

    private void print(List<EventsCommand.Event> events) {
        for (EventsCommand.Event event : events) {
            if (event.number() >= next) {
                next = event.number() + 1;
                console.say("%s: %s %s"
                        .formatted(event.array(), event.event(), event.member())
                        .stripTrailing());
            }
        }
    }
}
