package redoubt.cli;

import java.io.EOFException;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import redoubt.control.AttributeRefused;

/** {@code redoubt stop}: ends the process that serves an array, in good order. */
@Command(
        name = "stop",
        header = "Ends the process that serves an array, in good order.",
        sortOptions = false,
        description = {
            "Stops the process that serves an array, with every volume of its container: requests under way are"
                    + " answered, clients are told to go, and the members are marked clean. The same as SIGTERM."
        },
        footer = {"", "Example:", "  redoubt stop vol0"})
final class StopCommand extends Verb {

    private static final long STOP_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(60);

    @Mixin
    private Served served = new Served();

    @Option(names = "--json", description = "Print a JSON document.")
    private boolean json;

    @Parameters(paramLabel = "NAME", description = "The array.")
    private String name = "";

    StopCommand(Console console) {
        super(console);
    }

    /**
     * The array is stopped, and all that was acknowledged is durable.
     *
     * @param clean whether its members say so; they do not where it was once not closed in good order
     */
    record Document(Json.OutputVersion outputVersion, String array, boolean clean) {}

    @Override
    int run() throws Refused, IOException {
        try (Served.Array array = served.array(name)) {
            array.attributes().watch(ServedTree.STATE);
            array.attributes().write(ServedTree.STOP, "1");
            boolean clean = awaitEnd(array);
            if (json) {
                Json.print(console().out(), new Document(Json.OutputVersion.of("stop"), array.name(), clean));
                return ExitCode.DONE.number();
            }
            console()
                    .print(name + " is stopped, and its members say that it is "
                            + (clean
                                    ? "clean"
                                    : "dirty: all that was acknowledged is durable, but it was once not closed in good order,"
                                            + " and nobody has compared its members since"));
        } catch (AttributeRefused refused) {
            throw Served.unexpected(refused);
        }
        return ExitCode.DONE.number();
    }

    /** Answers whether the members say clean. */
    private static boolean awaitEnd(Served.Array array) throws IOException, AttributeRefused, Refused {
        long deadline = System.nanoTime() + STOP_LIMIT_NANOS;
        while (true) {
            try {
                String state = Served.read(array.attributes(), ServedTree.STATE);
                if (state.equals(ServedTree.STOPPED) || state.equals(ServedTree.STOPPED_UNSURE)) {
                    return state.equals(ServedTree.STOPPED);
                }
                if (state.equals(ServedTree.STOPPED_DIRTY)) {
                    throw new Refused(ExitCode.IO, "it is stopped, but not every member could be marked clean");
                }
            } catch (EOFException ended) {
                throw new Refused(ExitCode.IO, "the server ended before it could say that all is clean");
            }
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                throw new Refused(ExitCode.TRY_AGAIN, "the server is still stopping");
            }
            array.attributes().awaitChange(Math.min(left, TimeUnit.SECONDS.toNanos(1)));
        }
    }
}
