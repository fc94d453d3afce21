package redoubt.cli;

import java.io.IOException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code redoubt detail}: all there is to know of one served array, in the words of {@code mdadm --detail}. */
@Command(
        name = "detail",
        header = "All there is to know of one served array.",
        sortOptions = false,
        description = {"Shows a served array and its members, in the words of mdadm --detail."},
        footer = {"", "Examples:", "  redoubt detail vol0", "  redoubt detail --json vol0"})
final class DetailCommand extends Verb {

    @Mixin
    private Served served = new Served();

    @Option(names = "--json", description = "Print a JSON document.")
    private boolean json;

    @Parameters(paramLabel = "NAME", description = "The array.")
    private String name = "";

    DetailCommand(Console console) {
        super(console);
    }

    record Document(Json.OutputVersion outputVersion, ArrayStatus array) {}

    @Override
    int run() throws Refused, IOException {
        ArrayStatus status;
        try (Served.Array array = served.array(name)) {
            status = ArrayStatus.of(array);
        }
        if (json) {
            Json.print(console().out(), new Document(Json.OutputVersion.of("detail"), status));
        } else {
            print(status);
        }
        return ExitCode.DONE.number();
    }

    private void print(ArrayStatus status) {
        console().print(status.name() + ":");
        line("Raid Level", status.level());
        line("Array Size", "%d (%s)".formatted(status.sizeBytes() / 1024, Sizes.shown(status.sizeBytes())));
        line(
                "Used Dev Size",
                "%d (%s)".formatted(status.componentBytes() / 1024, Sizes.shown(status.componentBytes())));
        line("Raid Devices", Integer.toString(status.slots()));
        line("Total Devices", Integer.toString(status.members().size()));
        line("State", status.state() + (status.degraded() > 0 ? ", degraded" : ""));
        line("Active Devices", Integer.toString(status.slots() - status.degraded()));
        long failed = status.members().stream()
                .filter(member -> member.state().startsWith("faulty"))
                .count();
        line("Failed Devices", Long.toString(failed));
        if (!status.level().equals("raid1")) {
            line("Chunk Size", status.chunkBytes() / 1024 + "K");
        }
        line("Layout", Integer.toString(status.layout()));
        line("Consistency", status.redundancyKnown() ? "known" : "unknown: " + ArrayStatus.WHY_REDUNDANCY_IS_UNKNOWN);
        line("Metadata", status.metadataVersion());
        line("UUID", status.uuidMd());
        if (!status.state().equals("readonly")) {
            line("Clean After", status.safeModeDelaySeconds() + " s without a write");
        }
        console().print("");
        console().print("    Slot  State            Errors  Serial                Path");
        for (ArrayStatus.MemberStatus member : status.members()) {
            console()
                    .print("    %4d  %-15s  %6d  %-20s  %s"
                            .formatted(
                                    member.slot(),
                                    member.state(),
                                    member.readErrors(),
                                    member.serial(),
                                    member.path()));
        }
        for (int slot = 0; slot < status.slots(); slot++) {
            int each = slot;
            if (status.members().stream().noneMatch(member -> member.slot() == each)) {
                console().print("    %4d  %-15s".formatted(slot, "missing"));
            }
        }
    }

    private void line(String label, String value) {
        console().print("%18s : %s".formatted(label, value));
    }
}
