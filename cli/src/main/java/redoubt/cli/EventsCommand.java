package redoubt.cli;

import java.io.EOFException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import redoubt.control.AttributeRefused;

/** {@code redoubt events}: what happened to an array, in mdadm's words. */
@Command(
        name = "events",
        header = "What happened to a served array.",
        sortOptions = false,
        description = {
            "Shows what happened to a served array since it is served: Fail, DegradedArray and the other words of"
                    + " mdadm --monitor, one a line with time, array and member. RedundancyUnknown is Redoubt's own: a member refused a"
                    + " write, for want of room or because it cannot do such a thing, so members may differ there; the array stays"
                    + " dirty, and a RAID5 does not survive the loss of a member until they are compared.",
            "",
            "The server keeps the last 200 events and waits for nobody; how many were lost is said."
        },
        footer = {"", "Examples:", "  redoubt events vol0", "  redoubt events --follow --json vol0"})
final class EventsCommand extends Verb {

    @Mixin
    private Served served = new Served();

    @Option(names = "--json", description = "Print JSON, one event a line.")
    private boolean json;

    @Option(names = "--follow", description = "Go on until the server ends.")
    private boolean follow;

    @Parameters(paramLabel = "NAME", description = "The array.")
    private String name = "";

    private long next; // number of the next event to be shown

    EventsCommand(Console console) {
        super(console);
    }

    /** An event, as JSON has it. */
    record Event(
            Json.OutputVersion outputVersion, long number, String time, String event, String array, String member) {}

    @Override
    int run() throws Refused, IOException {
        try (Served.Array array = served.array(name)) {
            if (follow) {
                array.attributes().watch("events");
            }
            show(Served.read(array.attributes(), "events"), array.name());
            while (follow) {
                if (array.attributes().awaitChange(TimeUnit.SECONDS.toNanos(1)).isPresent()) {
                    show(Served.read(array.attributes(), "events"), array.name());
                }
                if (console().out().checkError()) {
                    return ExitCode.DONE.number();
                }
            }
        } catch (EOFException ended) {
            return ExitCode.DONE.number();
        } catch (AttributeRefused refused) {
            throw Served.unexpected(refused);
        }
        return ExitCode.DONE.number();
    }

    private void show(String text, String array) {
        List<Event> events = parse(text);
        if (!events.isEmpty() && events.getFirst().number() > next) {
            console().say((events.getFirst().number() - next) + " older events are lost");
        }
        for (Event event : events) {
            if (event.number() >= next) {
                next = event.number() + 1;
                if (Served.nodeName(event.array()).equals(array)) {
                    print(event);
                }
            }
        }
    }

    private void print(Event event) {
        if (json) {
            Json.printLine(console().out(), event);
        } else {
            console()
                    .print("%s  %-16s %s %s"
                            .formatted(event.time(), event.event(), event.array(), event.member())
                            .stripTrailing());
        }
    }

    /** The lines of the {@code events} attribute. */
    static List<Event> parse(String text) {
        List<Event> events = new ArrayList<>();
        for (String line : text.lines().toList()) {
            String[] fields = line.split("\t", -1);
            if (fields.length == 5) {
                events.add(new Event(
                        Json.OutputVersion.of("events"),
                        Long.parseLong(fields[0]),
                        fields[1],
                        fields[2],
                        fields[3],
                        fields[4]));
            }
        }
        return events;
    }
}
