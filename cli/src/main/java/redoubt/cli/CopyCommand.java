package redoubt.cli;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import redoubt.assembly.Access;
import redoubt.assembly.AssembledContainer;
import redoubt.assembly.AssemblyOptions;
import redoubt.assembly.Disk;
import redoubt.assembly.Insistence;
import redoubt.assembly.ScannedDisk;
import redoubt.block.IoMemory;
import redoubt.metadata.imsm.ImsmFormat;
import redoubt.nbd.NbdUri;

/** {@code redoubt copy}: the whole content of an array into a file, a pipe or an NBD export. */
@Command(
        name = "copy",
        header = "Copies the whole array that these disks form into a file or an NBD export.",
        sortOptions = false,
        description = {
            "",
            "Reads an array from start to end and writes its content to DEST: a file, a block device, an NBD URI, or - for"
                    + " stdout. Nothing is written to the disks. A file is sparse where the array holds zeroes. A degraded array is"
                    + " read all the same, and stderr says so, as it says how far the copy has come.",
            "",
            "An NBD export (nbd://HOST/EXPORT or nbd+unix:///EXPORT?socket=PATH) must be large enough, and is flushed at the"
                    + " end. Unless its server says that it is all zeroes, it is written over only with --overwrite.",
            "",
            "Disks that somebody uses, a server or the kernel, are refused (77): the copy would be of no one moment. With"
                    + " --while-served they are read all the same, and the copy ends with 74 if the array was written to meanwhile,"
                    + " or if that cannot be told, as of a RAID0.",
            "",
            "What cannot be read ends the copy with 74 and the place; with --keep-going zeroes stand for it, every place is"
                    + " named, and the copy still ends with 74."
        },
        footer = {
            "",
            "Examples:",
            "  redoubt copy disk0.img,serial=WD-1 disk1.img,serial=WD-2 vol0.img",
            "  redoubt copy --array vol0 /dev/sda /dev/sdb - | sha256sum",
            "  redoubt copy disk0.img disk1.img 'nbd+unix:///?socket=/run/new-disk'"
        })
final class CopyCommand extends Verb {

    private static final int LOST_LIMIT = 1000;

    @Option(
            names = "--array",
            paramLabel = "NAME",
            description = "The array, where the disks form several (name or UUID).")
    private Optional<String> arrayName = Optional.empty();

    @Option(names = "--overwrite", description = "Write over a DEST that is there already.")
    private boolean overwrite;

    @Option(names = "--keep-going", description = "Go on after what cannot be read.")
    private boolean keepGoing;

    @Option(
            names = "--allow-older-half",
            description = "Read what is here although the missing disks may have gone on without it, and be newer.")
    private boolean allowOlderHalf;

    @Option(names = "--json", description = "Print a JSON document when the copy is over; not where DEST is stdout.")
    private boolean json;

    @Option(
            names = "--while-served",
            description = "Read although somebody uses the disks: the copy may be torn, and exit 74 says that it is.")
    private boolean whileServed;

    @Option(
            names = "--member-timeout",
            paramLabel = "TIME",
            defaultValue = "30s",
            description =
                    "How long a disk may take over one read, and an export over one write. Default: ${DEFAULT-VALUE}")
    private String memberTimeout = "";

    @Parameters(
            arity = "1..*",
            paramLabel = "DISK... DEST",
            hideParamSyntax = true,
            description = "The disks, PATH[,serial=TEXT], and last where to.")
    private List<String> words = List.of();

    CopyCommand(Console console) {
        super(console);
    }

    /**
     * A copy that came to its end.
     *
     * @param degraded whether a member was missing
     * @param torn whether the disks were in use meanwhile, or may have been
     * @param unreadableBlocks how many blocks stand as zeroes in the copy because they could not be read
     * @param unreadable where, of the first thousand of them
     */
    record Document(
            Json.OutputVersion outputVersion,
            String name,
            String destination,
            long sizeBytes,
            boolean degraded,
            boolean torn,
            int unreadableBlocks,
            List<Lost> unreadable) {}

    /** A place that could not be read. */
    record Lost(long offsetBytes, long lengthBytes) {}

    @Override
    int run() throws Refused, IOException {
        if (words.size() < 2) {
            throw new Refused(ExitCode.USAGE, "there is no DEST; name a file, an NBD URI or - behind the disks");
        }
        List<Disk> disks = Engine.disks(words.subList(0, words.size() - 1));
        String destination = words.getLast();
        if (json && destination.equals("-")) {
            throw new Refused(ExitCode.USAGE, "the content and --json cannot both go to stdout; leave out --json");
        }
        refuseToWriteOverADisk(disks, destination);
        AssemblyOptions options = AssemblyOptions.READ_ONLY
                .insisting(allowOlderHalf ? Set.of(Insistence.LONE_HALF) : Set.of())
                .forArrays(arrayName.map(Set::of).orElse(Set.of()))
                .withMemberTimeoutNanos(Seconds.parse(memberTimeout));
        try (Engine engine = new Engine();
                IoMemory memory = DataMemory.forCopying();
                AssembledContainer container = start(engine, disks, options, memory)) {
            refuseToWriteOverAMember(engine, destination);
            AssembledContainer.Volume volume = only(container);
            Notices.of(volume).forEach(console()::say);
            if (arrayName.isEmpty()) {
                Notices.leftOut(container).forEach(console()::say);
            }
            List<Lost> lost;
            try (Claim claim = Claim.of(engine, destination, Seconds.parse(memberTimeout))) {
                claim.mustHold(volume.array().limits().sizeBytes());
                lost = copy(volume, memory, destination);
            }
            boolean torn = whileServed && !isUnchanged(engine, disks, container, volume);
            if (torn) {
                console().say("%s was in use while it was copied: the copy may be torn".formatted(volume.name()));
            }
            if (json) {
                Json.print(console().out(), document(volume, destination, torn, lost));
            }
            return (torn || !lost.isEmpty() ? ExitCode.IO : ExitCode.DONE).number();
        }
    }

    /** Nobody may write to the disks meanwhile: what is read would be of no one moment. */
    private AssembledContainer start(Engine engine, List<Disk> disks, AssemblyOptions options, IoMemory memory)
            throws Refused {
        try {
            Access access = whileServed ? Access.LOOK : Access.READ;
            return engine.start(disks, access, options, memory, console()::say);
        } catch (Refused refused) {
            if (refused.exitCode() == ExitCode.REFUSED.number() && !whileServed) {
                throw new Refused(
                        refused.exitCode(),
                        refused.sentence() + "; or read it all the same with --while-served",
                        refused.choices());
            }
            throw refused;
        }
    }

    /**
     * Whoever writes marks the array dirty before and raises its generation: what is clean and as old as before was left alone. Linux md's own
     * metadata does not tell, for md takes an event back that did nothing but mark dirty.
     */
    private boolean isUnchanged(
            Engine engine, List<Disk> disks, AssembledContainer container, AssembledContainer.Volume volume)
            throws Refused {
        boolean same = engine.scan(disks, Seconds.parse(memberTimeout)).containers().stream()
                .filter(found -> found.uuid().equals(container.picture().uuid()))
                .flatMap(found -> found.picture().stream())
                .anyMatch(now -> now.generation() == container.picture().generation());
        boolean tells = volume.found().picture().level().redundant()
                && container.picture().format().equals(ImsmFormat.NAME);
        return same && tells && !volume.found().picture().dirty();
    }

    private static Document document(
            AssembledContainer.Volume volume, String destination, boolean torn, List<Lost> lost) {
        return new Document(
                Json.OutputVersion.of("copy"),
                volume.name(),
                destination,
                volume.array().limits().sizeBytes(),
                Notices.isDegraded(volume),
                torn,
                lost.size(),
                lost.subList(0, Math.min(lost.size(), LOST_LIMIT)));
    }

    private static AssembledContainer.Volume only(AssembledContainer container) throws Refused {
        if (container.volumes().size() == 1) {
            return container.volumes().getFirst();
        }
        throw new Refused(
                ExitCode.USAGE.number(),
                "the disks form several arrays; choose one with --array:",
                container.volumes().stream()
                        .map(AssembledContainer.Volume::name)
                        .toList());
    }

    private static void refuseToWriteOverADisk(List<Disk> disks, String destination) throws Refused, IOException {
        boolean uri = NbdUri.looksLikeOne(destination);
        NbdUri export = uri ? export(destination) : null;
        for (Disk disk : disks) {
            boolean same = export != null ? isExport(disk, export) : isFile(disk, destination);
            if (same) {
                throw new Refused(
                        ExitCode.USAGE, "'" + destination + "' is one of the disks that are read; name another DEST");
            }
        }
    }

    /** Whoever forgets DEST names the last of the disks in its place. */
    private void refuseToWriteOverAMember(Engine engine, String destination) throws Refused, IOException {
        Path path = Path.of(NbdUri.looksLikeOne(destination) ? "" : destination);
        boolean there = Files.isRegularFile(path) || FileTarget.isBlockDevice(path);
        boolean empty = there && Files.isRegularFile(path) && Files.size(path) == 0;
        if (destination.equals("-") || !there || empty) {
            return;
        }
        ScannedDisk scanned = engine.scan(List.of(Disk.at(destination)), Seconds.parse(memberTimeout))
                .disks()
                .getFirst();
        if (scanned.finding().isPresent()) {
            throw new Refused(
                    ExitCode.REFUSED,
                    "'%s' carries %s metadata, so it is a disk of an array and not written over; name another DEST"
                            .formatted(destination, scanned.format().orElse("RAID")));
        }
    }

    private static boolean isExport(Disk disk, NbdUri export) {
        try {
            return NbdUri.looksLikeOne(disk.location())
                    && NbdUri.parse(disk.location()).equals(export);
        } catch (NbdUri.Malformed another) {
            return false;
        }
    }

    private static boolean isFile(Disk disk, String destination) throws IOException {
        return !destination.equals("-")
                && !disk.isUri()
                && Files.exists(Path.of(destination))
                && Files.exists(Path.of(disk.location()))
                && Files.isSameFile(Path.of(destination), Path.of(disk.location()));
    }

    /** Answers what could not be read. */
    private List<Lost> copy(AssembledContainer.Volume volume, IoMemory memory, String destination)
            throws Refused, IOException {
        long size = volume.array().limits().sizeBytes();
        Progress progress = new Progress(console(), "copying " + volume.name(), size);
        List<Lost> lost = new ArrayList<>();
        try (CopyTarget target = open(destination, size)) {
            new ArrayReader(volume.array(), memory).readAll(new ArrayReader.Sink() {
                @Override
                public void piece(long offset, ByteBuffer content) throws IOException, Refused {
                    int length = content.remaining();
                    target.write(offset, content);
                    progress.at(offset + length);
                }

                @Override
                public void lost(long offset, long length) throws IOException, Refused {
                    progress.end();
                    String place = "%d bytes at byte %d of %s cannot be read".formatted(length, offset, volume.name());
                    if (!keepGoing) {
                        throw new Refused(
                                ExitCode.IO,
                                place + "; the copy ends there. With --keep-going zeroes would stand for it");
                    }
                    if (lost.size() < LOST_LIMIT) {
                        console().say(place);
                    }
                    lost.add(new Lost(offset, length));
                    target.zeroes(offset, length);
                }
            });
            target.finish();
        } finally {
            progress.end();
        }
        String done = "copied %s: %d bytes (%s)".formatted(volume.name(), size, Sizes.shown(size));
        console()
                .say(
                        lost.isEmpty()
                                ? done
                                : done + ", but " + lost.size()
                                        + " blocks could not be read and are zeroes in the copy");
        return lost;
    }

    private CopyTarget open(String destination, long size) throws Refused, IOException {
        if (destination.equals("-")) {
            return FileTarget.stdout(size);
        }
        return NbdUri.looksLikeOne(destination)
                ? ExportTarget.open(export(destination), overwrite, Seconds.parse(memberTimeout), size)
                : FileTarget.open(Path.of(destination), overwrite, size);
    }

    private static NbdUri export(String destination) throws Refused {
        try {
            return NbdUri.parse(destination);
        } catch (NbdUri.Malformed wrong) {
            throw new Refused(ExitCode.USAGE, String.valueOf(wrong.getMessage()));
        }
    }
}
