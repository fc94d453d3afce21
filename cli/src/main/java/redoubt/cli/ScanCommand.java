package redoubt.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import redoubt.assembly.FoundContainer;
import redoubt.assembly.FoundVolume;
import redoubt.assembly.Identity;
import redoubt.assembly.KnownSerial;
import redoubt.assembly.Scan;
import redoubt.assembly.ScannedDisk;
import redoubt.base.Sectors;
import redoubt.metadata.DiskEntry;
import redoubt.metadata.DiskState;
import redoubt.metadata.Printable;
import redoubt.metadata.SlotPicture;
import redoubt.metadata.VolumePicture;

/** {@code redoubt scan}: which arrays a set of disks forms, in which state, and what is missing. */
@Command(
        name = "scan",
        header = "Which arrays these disks form, in which state, and what is missing.",
        sortOptions = false,
        description = {
            "Says which arrays the disks form together, in which state each is, what is missing, which disk is which and"
                    + " how that is known, and why a disk was left out. The order of the disks means nothing. Nothing is"
                    + " written.",
            "",
            "Ends with 65 if there is no array that could be read."
        },
        footer = {
            "",
            "Examples:",
            "  redoubt scan *.img",
            "  redoubt scan --json disk0.img,serial=WD-1 disk1.img,serial=WD-2"
        })
final class ScanCommand extends Verb {

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

    ScanCommand(Console console) {
        super(console);
    }

    record Document(Json.OutputVersion outputVersion, List<ContainerFound> containers, List<DiskFound> disks) {}

    /**
     * A container.
     *
     * @param contradiction why nothing can be made of it, if so
     */
    record ContainerFound(
            String format,
            String uuid,
            String uuidCanonical,
            Optional<Long> generation,
            Optional<String> contradiction,
            List<MissingDisk> missing,
            List<VolumeFound> volumes) {}

    /** A disk that the container names by its serial and that is not here. */
    record MissingDisk(String serial, long sizeBytes) {}

    /**
     * A volume.
     *
     * @param recordedState as the metadata says
     * @param state as the disks that are here make it
     * @param dirty whether it was being written to when it was last seen
     * @param identity how it is known which disk is which
     * @param readable whether it can be read
     * @param writable whether it can be written without insisting
     * @param unreadableBecause why not
     * @param unwritableBecause why not
     * @param candidates how the disks may be told apart, where that must be said
     */
    record VolumeFound(
            String name,
            String uuid,
            String uuidCanonical,
            String level,
            int layout,
            int chunkBytes,
            long sizeBytes,
            long componentBytes,
            String recordedState,
            String state,
            boolean dirty,
            String migration,
            String identity,
            String identityBecause,
            boolean readable,
            boolean writable,
            Optional<String> unreadableBecause,
            Optional<String> unwritableBecause,
            List<String> candidates,
            List<SlotFound> slots) {}

    /**
     * A slot of a volume.
     *
     * @param path the disk in it; absent where there is none, or where it is not known which
     * @param oneOf the disks of which one is in it, where it is not known which
     */
    record SlotFound(
            int slot,
            String state,
            Optional<String> path,
            List<String> oneOf,
            Optional<String> serial,
            long offsetBytes) {}

    /** A disk. */
    record DiskFound(
            String path,
            long sizeBytes,
            String role,
            String because,
            Optional<String> format,
            Optional<String> serial,
            Optional<String> serialFrom) {}

    @Override
    int run() throws Refused {
        Scan scan;
        try (Engine engine = new Engine()) {
            scan = engine.scan(Engine.disks(disks), Seconds.parse(timeout));
        }
        Notices.doubts(scan).forEach(console()::say);
        Document document = document(scan);
        if (json) {
            Json.print(console().out(), document);
        } else {
            print(document);
        }
        boolean any = document.containers().stream()
                .anyMatch(container -> container.volumes().stream().anyMatch(VolumeFound::readable));
        boolean nothingReadable = scan.disks().stream().allMatch(d -> d.role() == ScannedDisk.Role.UNREADABLE);
        if (any) {
            return ExitCode.DONE.number();
        }
        return (nothingReadable ? ExitCode.IO : ExitCode.NO_ARRAY).number();
    }

    // ---------------------------------------------------------------------------------------------- the document

    private static Document document(Scan scan) {
        List<ContainerFound> containers = new ArrayList<>();
        for (FoundContainer found : scan.containers()) {
            containers.add(container(scan, found));
        }
        List<DiskFound> disks = new ArrayList<>();
        for (ScannedDisk disk : scan.disks()) {
            disks.add(new DiskFound(
                    disk.disk().location(),
                    disk.sizeBytes(),
                    disk.role().word(),
                    disk.because(),
                    disk.format(),
                    known(disk).map(KnownSerial::text).map(Printable::of),
                    known(disk).map(serial -> serial.origin().word())));
        }
        return new Document(Json.OutputVersion.of("scan"), containers, disks);
    }

    private static ContainerFound container(Scan scan, FoundContainer found) {
        List<VolumeFound> volumes = new ArrayList<>();
        for (FoundVolume volume : found.volumes()) {
            volumes.add(volume(scan, found, volume));
        }
        List<MissingDisk> missing = new ArrayList<>();
        for (DiskEntry entry : found.picture().map(picture -> picture.disks()).orElse(List.of())) {
            if (entry.disk().isEmpty() && !entry.states().contains(DiskState.FAILED)) {
                entry.serial()
                        .ifPresent(serial -> missing.add(
                                new MissingDisk(Printable.of(serial), Sectors.toBytes(entry.sizeSectors()))));
            }
        }
        return new ContainerFound(
                found.format(),
                found.uuid().colonForm(),
                found.uuid().canonicalForm(),
                found.picture().map(picture -> picture.generation()),
                found.contradiction(),
                missing,
                volumes);
    }

    private static VolumeFound volume(Scan scan, FoundContainer container, FoundVolume found) {
        VolumePicture picture = found.picture();
        List<SlotFound> slots = new ArrayList<>();
        for (SlotPicture slot : picture.slots()) {
            slots.add(new SlotFound(
                    slot.slot(),
                    slot.state().name().toLowerCase(java.util.Locale.ROOT),
                    isAssumed(scan, slot) ? Optional.empty() : path(scan, slot.disk()),
                    isAssumed(scan, slot) ? assumed(scan, container) : List.of(),
                    serial(container, slot),
                    Sectors.toBytes(slot.dataOffsetSectors())));
        }
        return new VolumeFound(
                Printable.of(picture.name()),
                picture.uuid().colonForm(),
                picture.uuid().canonicalForm(),
                picture.level().word(),
                picture.layout(),
                picture.chunkBytes(),
                Sectors.toBytes(picture.sizeSectors()),
                Sectors.toBytes(picture.componentSectors()),
                word(picture.recorded()),
                word(picture.computed()),
                picture.dirty(),
                word(picture.migration().kind()),
                identityWord(found.identity()),
                identityBecause(found.identity()),
                found.toRead().isEmpty(),
                found.toWrite().isEmpty(),
                found.toRead().map(FoundVolume.Refusal::sentence),
                found.toWrite().map(FoundVolume.Refusal::sentence),
                candidates(found.identity()),
                slots);
    }

    /** Whether the disk is only one of several that could be in the slot. */
    private static boolean isAssumed(Scan scan, SlotPicture slot) {
        return slot.disk().isPresent() && isAssumed(scan.disks().get(slot.disk().getAsInt()));
    }

    private static boolean isAssumed(ScannedDisk disk) {
        return disk.serial().isPresent() && disk.serial().get().origin() == KnownSerial.Origin.ASSUMED;
    }

    private static List<String> assumed(Scan scan, FoundContainer container) {
        return container.disks().stream()
                .map(number -> scan.disks().get(number))
                .filter(ScanCommand::isAssumed)
                .map(disk -> disk.disk().location())
                .toList();
    }

    /** The serial by which a disk is known, if it is. */
    private static Optional<KnownSerial> known(ScannedDisk disk) {
        return isAssumed(disk) ? Optional.empty() : disk.serial();
    }

    private static String word(Enum<?> value) {
        return value.name().toLowerCase(java.util.Locale.ROOT);
    }

    private static Optional<String> path(Scan scan, OptionalInt disk) {
        return disk.isEmpty()
                ? Optional.empty()
                : Optional.of(scan.disks().get(disk.getAsInt()).disk().location());
    }

    private static Optional<String> serial(FoundContainer container, SlotPicture slot) {
        if (slot.diskIndex().isEmpty()) {
            return Optional.empty();
        }
        return container
                .picture()
                .map(picture -> picture.disks().get(slot.diskIndex().getAsInt()))
                .flatMap(DiskEntry::serial)
                .map(Printable::of);
    }

    private static String identityWord(Identity identity) {
        return switch (identity) {
            case Identity.Certain certain -> "certain";
            case Identity.Evident evident -> "evident";
            case Identity.Doubtful doubtful -> "doubtful";
            case Identity.Indifferent indifferent -> "indifferent";
            case Identity.Ambiguous ambiguous -> "ambiguous";
        };
    }

    private static String identityBecause(Identity identity) {
        return switch (identity) {
            case Identity.Certain(String because, Optional<String> remark) ->
                because + remark.map(each -> "; " + each).orElse("");
            case Identity.Evident(String because, List<String> candidates) -> because;
            case Identity.Doubtful(String because, List<String> candidates) -> because;
            case Identity.Indifferent(String because, List<String> candidates) -> because;
            case Identity.Ambiguous(String because, List<String> candidates) -> because;
        };
    }

    private static List<String> candidates(Identity identity) {
        return switch (identity) {
            case Identity.Certain certain -> List.of();
            case Identity.Evident(String because, List<String> candidates) -> candidates;
            case Identity.Doubtful(String because, List<String> candidates) -> candidates;
            case Identity.Indifferent(String because, List<String> candidates) -> candidates;
            case Identity.Ambiguous(String because, List<String> candidates) -> candidates;
        };
    }

    // ---------------------------------------------------------------------------------------------- text

    private void print(Document document) {
        Console out = console();
        for (ContainerFound container : document.containers()) {
            out.print("%s %s %s".formatted(container.format(), kind(container), container.uuid())
                    + container
                            .generation()
                            .map(number -> ", generation " + number)
                            .orElse(""));
            container.contradiction().ifPresent(because -> out.print("  " + because));
            for (MissingDisk missing : container.missing()) {
                out.print("  missing: the disk with serial '%s' (%s)"
                        .formatted(missing.serial(), Sizes.shown(missing.sizeBytes())));
            }
            container.volumes().forEach(this::print);
            out.print("");
        }
        if (document.containers().isEmpty()) {
            out.print("no array");
            out.print("");
        }
        out.print("disks:");
        for (DiskFound disk : document.disks()) {
            out.print("  %s: %s%s: %s"
                    .formatted(
                            disk.path(),
                            disk.role(),
                            disk.serial()
                                    .map(serial -> ", serial '%s' (%s)"
                                            .formatted(serial, disk.serialFrom().orElse("")))
                                    .orElse(""),
                            disk.because()));
        }
    }

    /** Where a format has no containers, the one array is its own. */
    private static String kind(ContainerFound container) {
        boolean itself =
                container.volumes().stream().anyMatch(volume -> volume.uuid().equals(container.uuid()));
        return itself ? "array" : "container";
    }

    private void print(VolumeFound volume) {
        Console out = console();
        StringBuilder letters = new StringBuilder();
        volume.slots().forEach(slot -> letters.append(slot.state().equals("in_sync") ? 'U' : '_'));
        out.print("  %s: %s, %s, %s%s [%s]"
                .formatted(
                        volume.name(),
                        volume.level(),
                        Sizes.shown(volume.sizeBytes()),
                        volume.state(),
                        volume.dirty() ? ", dirty" : "",
                        letters));
        for (SlotFound slot : volume.slots()) {
            out.print("    slot %d: %s, %s%s"
                    .formatted(
                            slot.slot(),
                            slot.state().replace('_', ' '),
                            slot.path()
                                    .orElse(
                                            slot.oneOf().isEmpty()
                                                    ? "no disk"
                                                    : "one of " + String.join(", ", slot.oneOf())),
                            slot.serial()
                                    .map(serial -> " (serial '" + serial + "')")
                                    .orElse("")));
        }
        if (!volume.identityBecause().isEmpty()) {
            out.print("    which disk is which is %s: %s".formatted(volume.identity(), volume.identityBecause()));
        }
        volume.candidates().forEach(candidate -> out.print("      " + candidate));
        if (!volume.migration().equals("none")) {
            out.print("    under way: " + volume.migration());
        }
        if (!volume.identity().equals("ambiguous")) { // that has been said
            volume.unreadableBecause().ifPresent(because -> out.print("    cannot be read: " + because));
        } else {
            out.print("    cannot be read before it is known which disk is which. " + Notices.HOW_TO_CHOOSE);
        }
        if (volume.readable()) {
            volume.unwritableBecause().ifPresent(because -> out.print("    will not be written: " + because));
        }
    }
}
