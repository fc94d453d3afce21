package redoubt.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import redoubt.control.AttributeRefused;
import redoubt.kernfs.Errno;

/** {@code redoubt fail}: takes a member out of a served array. */
@Command(
        name = "fail",
        header = "Takes a member out of a served array.",
        sortOptions = false,
        description = {
            "Marks a member of a served array as failed: nothing is read from it or written to it any more, and the"
                    + " metadata on the others says so. Ends when that is durable.",
            "",
            "A member without which the array could not go on is not failed (exit 77)."
        },
        footer = {"", "Examples:", "  redoubt fail vol0 disk1.img", "  redoubt fail vol0 1"})
final class FailCommand extends Verb {

    private static final long RECORD_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(60);

    @Mixin
    private Served served = new Served();

    @Option(names = "--json", description = "Print a JSON document.")
    private boolean json;

    @Parameters(index = "0", paramLabel = "NAME", description = "The array.")
    private String name = "";

    @Parameters(
            index = "1",
            paramLabel = "MEMBER",
            description = "The member: its serial, its path, the name of its file, or its slot.")
    private String wanted = "";

    FailCommand(Console console) {
        super(console);
    }

    /** The member that counts for nothing any more, as the metadata says. */
    record Document(Json.OutputVersion outputVersion, String array, int slot, String path, String serial) {}

    @Override
    int run() throws Refused, IOException {
        try (Served.Array array = served.array(name)) {
            ArrayStatus.MemberStatus member = find(ArrayStatus.of(array), wanted);
            String state = array.path("dev-" + member.name() + "/state");
            try {
                array.attributes().watch(state);
                array.attributes().write(state, "faulty");
                awaitRecord(array, state);
            } catch (AttributeRefused refused) {
                if (refused.errno() == Errno.EBUSY) {
                    throw new Refused(
                            ExitCode.REFUSED,
                            "'%s' is not failed: %s would not survive that; stop the array instead"
                                    .formatted(member.path(), array.name()));
                }
                throw Served.unexpected(refused);
            }
            if (json) {
                Json.print(
                        console().out(),
                        new Document(
                                Json.OutputVersion.of("fail"),
                                array.name(),
                                member.slot(),
                                member.path(),
                                member.serial()));
            } else {
                console()
                        .print("%s: %s (slot %d) has failed, and the metadata says so"
                                .formatted(array.name(), member.path(), member.slot()));
            }
            return ExitCode.DONE.number();
        }
    }

    private static void awaitRecord(Served.Array array, String state) throws IOException, AttributeRefused, Refused {
        long deadline = System.nanoTime() + RECORD_LIMIT_NANOS;
        while (!isRecorded(array, state)) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                throw new Refused(
                        ExitCode.IO, "the member has failed, but the others do not take the metadata that says so");
            }
            // The fault is in the view before it is in the metadata: each further change is told.
            if (array.attributes()
                            .awaitChange(Math.min(left, TimeUnit.SECONDS.toNanos(1)))
                            .isEmpty()
                    && array.md("array_state").equals("broken")) {
                throw new Refused(ExitCode.IO, "the array broke: no member took the metadata");
            }
        }
    }

    /** A daemon that keeps the metadata outside takes the member out of the array then. */
    private static boolean isRecorded(Served.Array array, String state) throws IOException, AttributeRefused {
        try {
            List<String> words = List.of(array.attributes().read(state).strip().split(",", -1));
            return words.contains("faulty") && !words.contains("blocked");
        } catch (AttributeRefused refused) {
            if (refused.errno() == Errno.ENOENT || refused.errno() == Errno.ENODEV) {
                return true;
            }
            throw refused;
        }
    }

    /** Finds the member that a user means. */
    static ArrayStatus.MemberStatus find(ArrayStatus status, String wanted) throws Refused {
        List<ArrayStatus.MemberStatus> found = status.members().stream()
                .filter(member -> member.serial().equals(wanted) || isPath(member, wanted))
                .toList();
        if (found.isEmpty()) {
            found = status.members().stream()
                    .filter(member -> member.name().equals(wanted)
                            || fileName(member).equals(wanted)
                            || Integer.toString(member.slot()).equals(wanted))
                    .toList();
        }
        if (found.size() == 1) {
            return found.getFirst();
        }
        List<String> choices = status.members().stream()
                .map(member -> "%d  %s  %s".formatted(member.slot(), member.path(), member.serial()))
                .toList();
        throw new Refused(
                ExitCode.USAGE.number(),
                found.isEmpty()
                        ? "%s has no member '%s'; it has (slot, path, serial):".formatted(status.name(), wanted)
                        : "'%s' may mean several members of %s; name one of these by its slot, path or serial:"
                                .formatted(wanted, status.name()),
                choices);
    }

    private static boolean isPath(ArrayStatus.MemberStatus member, String wanted) {
        if (member.path().equals(wanted)) {
            return true;
        }
        try {
            return Path.of(member.path())
                    .equals(Path.of(wanted).toAbsolutePath().normalize());
        } catch (java.nio.file.InvalidPathException noPath) {
            return false;
        }
    }

    private static String fileName(ArrayStatus.MemberStatus member) {
        return member.path().substring(member.path().lastIndexOf('/') + 1);
    }
}
