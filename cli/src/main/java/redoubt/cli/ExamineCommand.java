package redoubt.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import redoubt.assembly.Disk;
import redoubt.assembly.KnownSerial;
import redoubt.assembly.ScannedDisk;
import redoubt.metadata.Finding;
import redoubt.metadata.Printable;
import redoubt.metadata.Report;
import redoubt.metadata.Report.Field;
import redoubt.metadata.Report.Section;
import redoubt.metadata.Report.Value;

/** {@code redoubt examine}: what is written on each disk, in the words of {@code mdadm --examine}. */
@Command(
        name = "examine",
        header = "What is written on each disk.",
        sortOptions = false,
        description = {
            "Shows the metadata that is written on each disk, field by field, in the words of mdadm --examine. Nothing is"
                    + " written, and each disk is looked at for itself; 'redoubt scan' says what they form together.",
            "",
            "A disk without metadata is no fault (exit 0); metadata that is damaged is (65), and so is a disk that cannot be"
                    + " read (74). In JSON each label is a field, with underscores for blanks; sizes are in bytes."
        },
        footer = {
            "",
            "Examples:",
            "  redoubt examine /dev/sda /dev/sdb",
            "  redoubt examine --json disk0.img,serial=WD-1"
        })
final class ExamineCommand extends Verb {

    @Option(names = "--json", description = "Print a JSON document.")
    private boolean json;

    @Option(
            names = "--timeout",
            paramLabel = "TIME",
            defaultValue = "30s",
            description = "How long a disk may take over one read. Default: ${DEFAULT-VALUE}")
    private String timeout = "";

    @Parameters(arity = "1..*", paramLabel = "DISK", description = "PATH[,serial=TEXT]")
    private List<String> disks = List.of();

    ExamineCommand(Console console) {
        super(console);
    }

    record Document(Json.OutputVersion outputVersion, List<Examined> examined) {}

    /**
     * One disk.
     *
     * @param path as it was given
     * @param sizeBytes its size, null if it could not be opened
     * @param serial by which it is known
     * @param serialFrom who says so
     * @param metadata {@code whole}, {@code torn}, {@code malformed}, {@code none}, or {@code unknown} when it could not be read
     * @param format name of the metadata's format
     * @param problem what is wrong, in a sentence
     * @param container fields by their labels
     * @param volumes the same of each volume
     * @param disks the same of each disk in the table
     */
    record Examined(
            String path,
            @Nullable Long sizeBytes,
            Optional<String> serial,
            Optional<String> serialFrom,
            String metadata,
            Optional<String> format,
            Optional<String> problem,
            Map<String, @Nullable Object> container,
            List<Map<String, @Nullable Object>> volumes,
            List<Map<String, @Nullable Object>> disks) {}

    @Override
    int run() throws Refused {
        long limit = Seconds.parse(timeout);
        List<Examined> all = new ArrayList<>();
        int exit = ExitCode.DONE.number();
        try (Engine engine = new Engine()) {
            for (Disk disk : Engine.disks(disks)) {
                int one = examine(engine, disk, limit, all);
                exit = Math.max(exit, one);
            }
        }
        if (json) {
            Json.print(console().out(), new Document(Json.OutputVersion.of("examine"), all));
        }
        return exit;
    }

    private int examine(Engine engine, Disk disk, long limit, List<Examined> all) {
        ScannedDisk scanned;
        try {
            scanned = engine.scan(List.of(disk), limit).disks().getFirst();
        } catch (Refused refused) {
            console().say(refused.sentence());
            all.add(new Examined(
                    disk.location(),
                    null,
                    disk.serial(),
                    Optional.empty(),
                    "unknown",
                    Optional.empty(),
                    Optional.of(refused.sentence()),
                    Map.of(),
                    List.of(),
                    List.of()));
            return refused.exitCode();
        }
        Optional<Finding> finding = scanned.finding();
        Optional<Report> report = finding.flatMap(found -> found instanceof Finding.Whole(var metadata)
                ? Optional.of(metadata.report(serial(scanned).map(KnownSerial::text)))
                : Optional.empty());
        Optional<String> problem = problem(scanned);
        problem.ifPresent(sentence -> console().say(disk.location() + ": " + sentence));
        all.add(examined(scanned, report, problem));
        if (!json) {
            print(scanned, report);
        }
        if (scanned.role() == ScannedDisk.Role.UNREADABLE) {
            return ExitCode.IO.number();
        }
        return problem.isPresent() ? ExitCode.NO_ARRAY.number() : ExitCode.DONE.number();
    }

    /** The serial that somebody says it has; one that would only fit is not what is written there. */
    private static Optional<KnownSerial> serial(ScannedDisk disk) {
        return disk.serial().filter(known -> switch (known.origin()) {
            case GIVEN, DEVICE, ATTRIBUTE -> true;
            case EVIDENCE, ASSUMED -> false;
        });
    }

    private static Optional<String> problem(ScannedDisk disk) {
        if (disk.role() == ScannedDisk.Role.UNREADABLE) {
            return Optional.of(disk.because());
        }
        return disk.finding().flatMap(found -> switch (found) {
            case Finding.Absent() -> Optional.empty();
            case Finding.Whole whole -> Optional.empty();
            case Finding.Torn torn -> Optional.of(torn.because());
            case Finding.Malformed(var because) -> Optional.of(because.sentence());
        });
    }

    private static String word(ScannedDisk disk) {
        if (disk.role() == ScannedDisk.Role.UNREADABLE) {
            return "unknown";
        }
        return disk.finding()
                .map(found -> switch (found) {
                    case Finding.Absent() -> "none";
                    case Finding.Whole whole -> "whole";
                    case Finding.Torn torn -> "torn";
                    case Finding.Malformed malformed -> "malformed";
                })
                .orElse("none");
    }

    // ---------------------------------------------------------------------------------------------- JSON

    private static Examined examined(ScannedDisk disk, Optional<Report> report, Optional<String> problem) {
        Map<String, @Nullable Object> container = new LinkedHashMap<>();
        List<Map<String, @Nullable Object>> volumes = new ArrayList<>();
        List<Map<String, @Nullable Object>> disks = new ArrayList<>();
        for (Section section : report.map(Report::sections).orElse(List.of())) {
            switch (section.about()) {
                case CONTAINER -> container.putAll(fields(section));
                case BAD_BLOCKS -> container.put("bad_blocks", fields(section));
                case MIGRATION -> container.put("migration_record", fields(section));
                case VOLUME -> volumes.add(numbered("name", Printable.of(section.title()), section));
                case DISK -> disks.add(numbered("index", section.number(), section));
            }
        }
        return new Examined(
                disk.disk().location(),
                disk.sizeBytes(),
                serial(disk).map(KnownSerial::text).map(Printable::of),
                serial(disk).map(serial -> serial.origin().word()),
                word(disk),
                disk.format(),
                problem,
                container,
                volumes,
                disks);
    }

    private static Map<String, @Nullable Object> numbered(String key, Object value, Section section) {
        Map<String, @Nullable Object> all = new LinkedHashMap<>();
        all.put(key, value);
        all.putAll(fields(section));
        return all;
    }

    private static Map<String, @Nullable Object> fields(Section section) {
        Map<String, @Nullable Object> all = new LinkedHashMap<>();
        for (Field field : section.fields()) {
            switch (field.value()) {
                case Value.Count(long number) -> all.put(field.key(), number);
                case Value.Size size -> all.put(field.key(), size.bytes());
                case Value.Time(long seconds) ->
                    all.put(field.key(), seconds == 0 ? null : field.value().shown());
                case Value.Name(var uuid) -> {
                    all.put(field.key(), uuid.colonForm());
                    all.put(field.key() + "_canonical", uuid.canonicalForm());
                }
                case Value.Text text -> all.put(field.key(), text.shown());
                case Value.Word word -> all.put(field.key(), word.shown());
            }
        }
        return all;
    }

    // ---------------------------------------------------------------------------------------------- text

    private void print(ScannedDisk disk, Optional<Report> report) {
        Console out = console();
        out.print(disk.disk().location() + ":");
        if (report.isEmpty()) {
            out.print("          (%s; %s)"
                    .formatted(
                            word(disk).equals("none") ? disk.because() : "metadata: " + word(disk),
                            Sizes.shown(disk.sizeBytes())));
        }
        for (Section section : report.map(Report::sections).orElse(List.of())) {
            switch (section.about()) {
                case CONTAINER -> {}
                case BAD_BLOCKS -> {
                    out.print("");
                    out.print("Bad Blocks:");
                }
                case MIGRATION -> {
                    out.print("");
                    out.print("Migration Record:");
                }
                case DISK -> out.print("");
                case VOLUME -> {
                    out.print("");
                    out.print("[" + Printable.of(section.title()) + "]:");
                }
            }
            for (Field field : section.fields()) {
                out.print("%15s : %s".formatted(field.label(), shown(field.value())));
            }
        }
        out.print("");
    }

    private static String shown(Value value) {
        return switch (value) {
            case Value.Size size -> size.shown() + " (" + Sizes.shown(size.bytes()) + ")";
            case Value.Time time -> time.shown();
            case Value.Count count -> count.shown();
            case Value.Name name -> name.shown();
            case Value.Text text -> text.shown();
            case Value.Word word -> word.shown();
        };
    }
}
