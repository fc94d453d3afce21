package redoubt.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import redoubt.assembly.AssemblyRefused;
import redoubt.assembly.Creation;
import redoubt.assembly.Disk;
import redoubt.base.Clock;
import redoubt.base.Sectors;
import redoubt.metadata.Printable;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.VolumePicture;
import redoubt.metadata.imsm.ImsmFormat;

/** {@code redoubt create}: makes a new array. */
@Command(
        name = "create",
        header = "Makes a new array on these disks.",
        sortOptions = false,
        description = {
            "",
            "The order of the disks is the order of the slots. The word 'missing' in the place of a disk leaves its slot"
                    + " empty: the array is degraded from the start, at most as far as its level survives (a file of that name is"
                    + " './missing'). A spare stands by for a member that fails.",
            "",
            "Disks that already form one whole Intel container get a further volume in it (two at most), and spares join it;"
                    + " others become a new container. What is on a disk is named, and overwritten only after the name of the new"
                    + " array was typed, or with --yes. Where metadata stands, and the first 64 KiB, are saved to a backup before,"
                    + " which 'redoubt restore' takes back; all other data that is filled with zeroes is lost. A disk counts as"
                    + " empty only where all of it is zeroes; one that is too large to be read for that in seconds does not.",
            "",
            "Each disk is known by its serial. An image file without one is given one, which is printed and kept with the"
                    + " file where its file system can.",
            "",
            "So that mirrors agree and parity is right, the new array's part of every disk is filled with zeroes, except"
                    + " with --assume-clean, and except where the disk with which it would have to agree is missing."
        },
        footer = {
            "",
            "Examples:",
            "  truncate -s 1G disk0.img disk1.img",
            "  redoubt create vol0 --metadata imsm --level 1 disk0.img disk1.img",
            "  redoubt create fast --metadata imsm --level 0 --chunk 64K /dev/sda,serial=WD-1 /dev/sdb,serial=WD-2",
            "  redoubt create half --metadata imsm --level 1 --spare disk2.img disk0.img missing"
        })
final class CreateCommand extends Verb {

    private static final String MISSING = "missing";

    @Parameters(index = "0", paramLabel = "NAME", description = "Name of the array; Intel's take 16 letters.")
    private String name = "";

    @Option(
            names = "--metadata",
            paramLabel = "FORMAT",
            required = true,
            description = "imsm (Intel Matrix Storage, RST, VROC).")
    private String metadata = "";

    @Option(names = "--level", paramLabel = "LEVEL", required = true, description = "0, 1, 5 or 10.")
    private String level = "";

    @Option(names = "--chunk", paramLabel = "SIZE", description = "Chunk, such as 64K. Default: the format's.")
    private Optional<String> chunk = Optional.empty();

    @Option(names = "--size", paramLabel = "SIZE", description = "How much of each disk to use. Default: all there is.")
    private Optional<String> size = Optional.empty();

    @Option(names = "--spare", paramLabel = "DISK", description = "A disk that stands by. May be given more than once.")
    private List<String> spares = List.of();

    @Option(names = "--assume-clean", description = "The disks agree already: do not fill them with zeroes.")
    private boolean assumeClean;

    @Option(names = "--new-container", description = "Forget the container that the disks form.")
    private boolean newContainer;

    @Option(names = "--yes", description = "Do not ask.")
    private boolean yes;

    @Option(names = "--json", description = "Print a JSON document.")
    private boolean json;

    @Option(
            names = "--timeout",
            paramLabel = "TIME",
            defaultValue = "60s",
            description = "How long a disk may take over one request. Default: ${DEFAULT-VALUE}")
    private String timeout = "";

    @Parameters(index = "1..*", arity = "1..*", paramLabel = "DISK", description = "PATH[,serial=TEXT], or 'missing'")
    private List<String> disks = List.of();

    CreateCommand(Console console) {
        super(console);
    }

    /**
     * What was made.
     *
     * @param chunkBytes 0 for a level without
     * @param degraded whether a member is missing from the start
     * @param backups what was saved of the disks that were not empty
     */
    record Document(
            Json.OutputVersion outputVersion,
            String name,
            String uuid,
            String uuidCanonical,
            String metadata,
            String level,
            int chunkBytes,
            long sizeBytes,
            int slots,
            boolean degraded,
            List<DiskMade> disks,
            List<BackupKept> backups) {}

    /**
     * A disk of the new array.
     *
     * @param serial by which it is known from now on
     * @param serialKept whether the disk itself says its serial
     * @param word the disk as other commands take it
     */
    record DiskMade(String path, String serial, boolean serialKept, boolean spare, String word) {}

    /** Metadata that was there before, and the file that has it now. */
    record BackupKept(String path, String backup) {}

    @Override
    int run() throws Refused, IOException {
        Creation.Wish wish = wish();
        refuseWhatIsNotThere(wish.disks());
        long now = Clock.system().wallTime().getEpochSecond();
        try (Engine engine = new Engine();
                Creation creation = Creation.open(
                        wish, new ImsmFormat(), engine.opener(), Seconds.parse(timeout), new SecureRandom(), now)) {
            confirm(creation);
            List<BackupKept> backups = new ArrayList<>();
            for (Creation.Filled filled : creation.filled()) {
                String disk = filled.disk().location();
                Path file = Backups.keep(console(), creation.backup(filled.disk(), now), "backup of " + disk, json);
                backups.add(new BackupKept(disk, file.toString()));
            }
            Progress progress = new Progress(console(), "filling " + name + " with zeroes", creation.bytesToZero());
            List<Creation.KnownDisk> known;
            try {
                known = creation.write(progress::at);
            } finally {
                progress.end();
            }
            if (json) {
                Json.print(console().out(), document(creation.volume(), known, backups));
            } else {
                report(creation.volume(), known);
            }
            return ExitCode.DONE.number();
        } catch (AssemblyRefused refused) {
            throw Engine.refused(refused);
        }
    }

    private Creation.Wish wish() throws Refused {
        if (!metadata.equals(ImsmFormat.NAME)) {
            throw new Refused(ExitCode.USAGE, "'" + metadata + "' is not a format that arrays are made in; write imsm");
        }
        String number = level.startsWith("raid") ? level.substring("raid".length()) : level;
        if (!List.of("0", "1", "5", "10").contains(number)) {
            throw new Refused(ExitCode.USAGE, "'" + level + "' is not a level of imsm; write 0, 1, 5 or 10");
        }
        RaidLevel raidLevel = RaidLevel.ofNumber(Integer.parseInt(number)).orElseThrow();
        OptionalInt chunkBytes = OptionalInt.empty();
        if (chunk.isPresent()) {
            long bytes = Sizes.parse(chunk.get());
            if (bytes <= 0 || bytes > Integer.MAX_VALUE) {
                throw new Refused(ExitCode.USAGE, "'" + chunk.get() + "' is not a chunk; write 64K");
            }
            chunkBytes = OptionalInt.of((int) bytes);
        }
        OptionalLong memberBytes = OptionalLong.empty();
        if (size.isPresent()) {
            memberBytes = OptionalLong.of(Sizes.parse(size.get()));
        }
        return new Creation.Wish(
                name, raidLevel, chunkBytes, memberBytes, slots(), Engine.disks(spares), assumeClean, newContainer);
    }

    private List<Optional<Disk>> slots() throws Refused {
        List<Optional<Disk>> slots = new ArrayList<>();
        for (String word : disks) {
            slots.add(
                    word.equals(MISSING)
                            ? Optional.empty()
                            : Optional.of(Engine.disks(List.of(word)).getFirst()));
        }
        if (slots.stream().noneMatch(Optional::isPresent)) {
            throw new Refused(ExitCode.USAGE, "every member is missing; name at least one disk");
        }
        return slots;
    }

    private static void refuseWhatIsNotThere(List<Disk> members) throws Refused {
        List<String> absent = new ArrayList<>();
        for (Disk disk : members) {
            if (!disk.isUri() && !Files.exists(Path.of(disk.location()))) {
                absent.add(disk.location());
            }
        }
        if (!absent.isEmpty()) {
            throw new Refused(
                    ExitCode.IO,
                    "there is no '%s'; to make image files first: truncate -s 1G %s"
                            .formatted(absent.getFirst(), String.join(" ", absent)));
        }
    }

    private void confirm(Creation creation) throws Refused, IOException {
        List<Creation.Filled> filled = creation.filled();
        for (Creation.Filled each : filled) {
            console().say("%s is not empty: %s".formatted(each.disk().location(), String.join(", ", each.holds())));
        }
        if (filled.isEmpty() || yes) {
            return;
        }
        console()
                .say(
                        creation.bytesToZero() == 0
                                ? "metadata on these disks is overwritten"
                                : "%s on these disks is filled with zeroes, and what is there is lost; a backup of the metadata and the first 64 KiB is kept"
                                        .formatted(Sizes.shown(creation.bytesToZero())));
        for (VolumePicture neighbour : creation.neighbours()) {
            console().say("%s on these disks stays as it is".formatted(Printable.of(neighbour.name())));
        }
        if (!console().inIsTerminal()) {
            throw new Refused(ExitCode.REFUSED, "nothing was written; insist with --yes");
        }
        Optional<String> typed = console().ask("type the name of the new array to overwrite:");
        if (typed.isEmpty() || !typed.get().equals(name)) {
            throw new Refused(ExitCode.REFUSED, "that is not '" + name + "'; nothing was written");
        }
    }

    private static boolean isDegraded(VolumePicture volume) {
        return volume.slots().stream().anyMatch(slot -> slot.disk().isEmpty());
    }

    /** The disk as another command takes it: with its serial, unless it says that itself and nobody gave it. */
    private static String word(Creation.KnownDisk disk) {
        boolean told = !disk.kept() || disk.disk().serial().isPresent();
        return disk.disk().location() + (told ? ",serial=" + Printable.of(disk.serial()) : "");
    }

    private Document document(VolumePicture volume, List<Creation.KnownDisk> known, List<BackupKept> backups) {
        return new Document(
                Json.OutputVersion.of("create"),
                Printable.of(volume.name()),
                volume.uuid().colonForm(),
                volume.uuid().canonicalForm(),
                metadata,
                volume.level().word(),
                volume.chunkBytes(),
                Sectors.toBytes(volume.sizeSectors()),
                volume.slots().size(),
                isDegraded(volume),
                known.stream()
                        .map(disk -> new DiskMade(
                                disk.disk().location(),
                                Printable.of(disk.serial()),
                                disk.kept(),
                                disk.spare(),
                                word(disk)))
                        .toList(),
                backups);
    }

    private void report(VolumePicture volume, List<Creation.KnownDisk> known) {
        boolean degraded = isDegraded(volume);
        console()
                .print("%s: %s over %d members, %s%s"
                        .formatted(
                                Printable.of(volume.name()),
                                volume.level().word(),
                                volume.slots().size(),
                                Sizes.shown(Sectors.toBytes(volume.sizeSectors())),
                                degraded ? ", degraded from the start" : ""));
        List<String> serve = new ArrayList<>(List.of("serve"));
        if (degraded) {
            serve.add("--allow-degraded");
        }
        for (Creation.KnownDisk disk : known) {
            console()
                    .print("  %s serial '%s'%s"
                            .formatted(
                                    disk.disk().location(),
                                    Printable.of(disk.serial()),
                                    disk.spare() ? ", spare" : ""));
            serve.add(word(disk));
        }
        console().print("to serve it: " + ShellWord.redoubt(serve));
    }
}
