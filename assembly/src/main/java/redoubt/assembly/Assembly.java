package redoubt.assembly;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import redoubt.assembly.FoundVolume.Refusal;
import redoubt.base.Heartbeat;
import redoubt.base.WorkerFactory;
import redoubt.block.BlockDevice;
import redoubt.block.IoMemory;
import redoubt.metadata.ContainerChoice;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.ContainerPicture;
import redoubt.metadata.DiskEntry;
import redoubt.metadata.Finding;
import redoubt.metadata.MetadataFormat;
import redoubt.metadata.Printable;
import redoubt.metadata.imsm.ImsmFormat;
import redoubt.metadata.md0.Md0Format;
import redoubt.metadata.md1.Md1Format;
import redoubt.metadata.md1.Md1Minor;

/**
 * The way from disks to arrays: {@link #scan} looks and writes nothing, {@link #assemble} makes the arrays of one container.
 *
 * <p>What can be told is told by the disks as a set: their order, and the names of their files, change nothing.
 */
public final class Assembly {

    /** Every format that is read. */
    static final List<MetadataFormat> FORMATS = List.of(
            new ImsmFormat(),
            new Md1Format(Md1Minor.V1_2),
            new Md1Format(Md1Minor.V1_1),
            new Md1Format(Md1Minor.V1_0),
            new Md0Format());

    private final Heartbeat heartbeat;
    private final WorkerFactory workers;
    private final DiskOpener opener;
    private final SerialSources serials;
    private final List<MetadataFormat> formats;

    /**
     * Makes an assembly with every format that is known.
     *
     * @param opener opens the disks, locks included
     * @throws IllegalStateException if the declared waits of the engine's parts form a circle
     */
    public Assembly(Heartbeat heartbeat, WorkerFactory workers, DiskOpener opener) {
        this(heartbeat, workers, opener, new SerialSources(java.nio.file.Path.of("/sys")), FORMATS);
    }

    Assembly(
            Heartbeat heartbeat,
            WorkerFactory workers,
            DiskOpener opener,
            SerialSources serials,
            List<MetadataFormat> formats) {
        EngineWaits.graph(); // refuses to be made if the parts of the engine could wait in a circle
        this.heartbeat = heartbeat;
        this.workers = workers;
        this.opener = opener;
        this.serials = serials;
        this.formats = List.copyOf(formats);
    }

    /**
     * Looks at disks.
     *
     * @param timeoutNanos how long a disk may take over one read
     * @throws AssemblyRefused if a disk cannot be opened; what is wrong with its content is said in the scan
     */
    public Scan scan(List<Disk> disks, long timeoutNanos) throws AssemblyRefused {
        try (DiskSet set = DiskSet.open(disks, Access.LOOK, timeoutNanos, opener, serials)) {
            return Scan.of(set, formats);
        }
    }

    /**
     * Makes the arrays of the container that the disks form. They are not started yet.
     *
     * @param access for disks that will not be written: {@link Access#LOOK} for a copy, {@link Access#READ} for longer
     * @param memory where the arrays' requests carry their bytes
     * @param complaints is told, in a sentence, what could not be recorded in the metadata
     * @throws AssemblyRefused if there is no such container, or it may not be used so; all disks are closed again
     */
    public AssembledContainer assemble(
            List<Disk> disks, Access access, AssemblyOptions options, IoMemory memory, Consumer<String> complaints)
            throws AssemblyRefused {
        if (options.writable() == access.readOnly()) {
            throw new IllegalArgumentException("disks opened to " + access + " for options that say otherwise");
        }
        DiskSet set = DiskSet.open(disks, access, options.memberTimeoutNanos(), opener, serials);
        boolean assembled = false;
        try {
            Scan scan = Scan.of(set, formats);
            FoundContainer found = choose(scan, options);
            Cast cast = cast(scan, found, set);
            List<FoundVolume> wanted = judge(scan, found, cast, options);
            AssembledContainer container = AssembledContainer.build(
                    new AssembledContainer.Parts(
                            scan,
                            cast.format,
                            cast.metadata,
                            cast.devices,
                            cast.names,
                            wanted,
                            cast.reads,
                            cast.uneven),
                    options,
                    heartbeat,
                    workers,
                    memory,
                    complaints);
            assembled = true;
            set.disks().stream()
                    .map(OpenDisk::device)
                    .filter(device -> !cast.devices.contains(device))
                    .forEach(BlockDevice::close);
            return container;
        } finally {
            if (!assembled) {
                set.close();
            }
        }
    }

    // ---------------------------------------------------------------------------------------------- which container

    private static FoundContainer choose(Scan scan, AssemblyOptions options) throws AssemblyRefused {
        List<FoundContainer> fitting = scan.containers().stream()
                .filter(found -> found.contradiction().isPresent() || hasWanted(found, options))
                .toList();
        List<FoundContainer> whole = fitting.stream()
                .filter(found -> found.contradiction().isEmpty())
                .toList();
        if (whole.size() == 1) {
            return whole.getFirst();
        }
        if (whole.size() > 1) {
            throw new AssemblyRefused(
                    AssemblyRefused.Reason.NO_ARRAY,
                    "the disks form %d containers; choose volumes of one with --array".formatted(whole.size()),
                    whole.stream().map(Assembly::describe).toList());
        }
        if (!fitting.isEmpty()) {
            throw new AssemblyRefused(
                    AssemblyRefused.Reason.NO_ARRAY,
                    fitting.getFirst().contradiction().orElseThrow());
        }
        throw nothingFits(scan, options);
    }

    private static boolean hasWanted(FoundContainer found, AssemblyOptions options) {
        return found.volumes().stream().anyMatch(volume -> wanted(volume, options));
    }

    private static boolean wanted(FoundVolume volume, AssemblyOptions options) {
        return options.arrays().isEmpty()
                || options.arrays().contains(volume.picture().name())
                || options.arrays().contains(volume.picture().uuid().toString());
    }

    private static String describe(FoundContainer found) {
        return found.uuid()
                + found.volumes().stream()
                        .map(volume -> " " + Printable.of(volume.picture().name()))
                        .collect(Collectors.joining(",", ":", ""));
    }

    private static AssemblyRefused nothingFits(Scan scan, AssemblyOptions options) {
        List<String> found = scan.containers().stream().map(Assembly::describe).toList();
        if (!found.isEmpty() && !options.arrays().isEmpty()) {
            return new AssemblyRefused(
                    AssemblyRefused.Reason.NO_ARRAY,
                    "there is no array %s on these disks; there are:"
                            .formatted(options.arrays().stream()
                                    .map(Printable::of)
                                    .sorted()
                                    .collect(Collectors.joining(", "))),
                    found);
        }
        List<String> disks = scan.disks().stream()
                .map(disk -> disk.disk().location() + ": " + disk.because())
                .toList();
        boolean unreadable = scan.disks().stream().allMatch(disk -> disk.role() == ScannedDisk.Role.UNREADABLE);
        return new AssemblyRefused(
                unreadable ? AssemblyRefused.Reason.IO_ERROR : AssemblyRefused.Reason.NO_ARRAY,
                "the disks form no array",
                disks);
    }

    // ---------------------------------------------------------------------------------------------- who plays

    /** The disks of the container, numbered anew without gaps, since a keeper counts them so. */
    private record Cast(
            MetadataFormat format,
            ContainerMetadata metadata,
            List<BlockDevice> devices,
            List<String> names,
            List<DiskReads> reads,
            boolean uneven) {}

    private Cast cast(Scan scan, FoundContainer found, DiskSet set) {
        ContainerPicture picture = found.picture().orElseThrow();
        Map<Integer, Integer> numbers = new HashMap<>();
        List<BlockDevice> devices = new ArrayList<>();
        List<String> names = new ArrayList<>();
        List<DiskReads> reads = new ArrayList<>();
        boolean uneven = false;
        for (DiskEntry entry : picture.disks()) {
            if (entry.disk().isPresent()) {
                OpenDisk open = set.disks().get(entry.disk().getAsInt());
                numbers.put(open.number(), devices.size());
                devices.add(open.device());
                names.add(open.name());
                reads.add(open.reads());
                boolean spare = entry.index().isEmpty(); // which carries metadata of its own
                uneven |= !spare && !current(scan.disks().get(open.number()), picture.generation());
            }
        }
        Map<Integer, ScannedDisk> disks = new TreeMap<>();
        scan.disks().forEach(disk -> disks.put(disk.number(), disk));
        MetadataFormat format = formats.stream()
                .filter(each -> each.name().equals(found.format()))
                .findFirst()
                .orElseThrow();
        for (ContainerChoice choice : format.choose(Scan.candidates(format, disks, numbers))) {
            if (choice instanceof ContainerChoice.Chosen(ContainerMetadata metadata, var placements)
                    && metadata.picture().uuid().equals(found.uuid())) {
                return new Cast(format, metadata, devices, names, reads, uneven);
            }
        }
        throw new IllegalStateException("the format chose a container once, and not again");
    }

    private static boolean current(ScannedDisk disk, long generation) {
        return disk.finding().orElse(null) instanceof Finding.Whole(var metadata)
                && metadata.picture().generation() == generation;
    }

    /** The volumes that will be started. Read-only, one that cannot be had does not stand in the way of another that can. */
    private static List<FoundVolume> judge(Scan scan, FoundContainer found, Cast cast, AssemblyOptions options)
            throws AssemblyRefused {
        ContainerPicture picture = cast.metadata.picture();
        List<FoundVolume> ready = new ArrayList<>();
        Optional<Refusal> first = Optional.empty();
        for (FoundVolume before : found.volumes()) {
            if (!wanted(before, options)) {
                continue;
            }
            FoundVolume volume = Readiness.of(
                    picture,
                    picture.volumes().get(before.picture().index()),
                    before.identity(),
                    cast.names,
                    options.insisted());
            Optional<Refusal> refusal = options.writable() ? volume.toWrite() : volume.toRead();
            if (refusal.isEmpty()) {
                ready.add(volume);
            } else if (first.isEmpty()) {
                first = refusal;
            }
        }
        boolean all = options.writable() || !options.arrays().isEmpty();
        if (first.isPresent() && (all || ready.isEmpty())) {
            throw withOutsiders(first.get(), scan);
        }
        return ready;
    }

    /** Where members are missing, the disks that were given and are none are part of the answer. */
    private static AssemblyRefused withOutsiders(Refusal refusal, Scan scan) {
        if (!refusal.candidates().isEmpty() || refusal.reason() != AssemblyRefused.Reason.NO_ARRAY) {
            return refusal.asException();
        }
        return new AssemblyRefused(refusal.reason(), refusal.sentence(), outsiders(scan));
    }

    private static List<String> outsiders(Scan scan) {
        return scan.disks().stream()
                .filter(disk -> disk.role() != ScannedDisk.Role.MEMBER && disk.role() != ScannedDisk.Role.SPARE)
                .map(disk -> "%s: %s; %s"
                        .formatted(disk.disk().location(), disk.role().word(), disk.because()))
                .toList();
    }
}
