package redoubt.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
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
import redoubt.block.IoMemory;

/** {@code redoubt copy}: the whole content of an array into a file or a pipe. */
@Command(
        name = "copy",
        header = "Copies the whole array that these disks form into a file.",
        sortOptions = false,
        description = {
            "",
            "Reads an array from start to end and writes its content to DEST: a file, a block device, or - for stdout."
                    + " Nothing is written to the disks. A file is sparse where the array holds zeroes. A degraded array is read"
                    + " all the same, and stderr says so, as it says how far the copy has come.",
            "",
            "What cannot be read ends the copy with 74 and the place; with --keep-going zeroes stand for it, every place is"
                    + " named, and the copy still ends with 74."
        },
        footer = {
            "",
            "Examples:",
            "  redoubt copy disk0.img,serial=WD-1 disk1.img,serial=WD-2 vol0.img",
            "  redoubt copy --array vol0 /dev/sda /dev/sdb - | sha256sum"
        })
final class CopyCommand extends Verb {

    private static final int HOLE_BYTES = 64 << 10;
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

    @Option(
            names = "--member-timeout",
            paramLabel = "TIME",
            defaultValue = "30s",
            description = "How long a disk may take over one read. Default: ${DEFAULT-VALUE}")
    private String memberTimeout = "";

    @Parameters(
            arity = "2..*",
            paramLabel = "DISK... DEST",
            description = "The disks, PATH[,serial=TEXT], and last where to.")
    private List<String> words = List.of();

    CopyCommand(Console console) {
        super(console);
    }

    @Override
    int run() throws Refused, IOException {
        List<Disk> disks = Engine.disks(words.subList(0, words.size() - 1));
        String destination = words.getLast();
        refuseToWriteOverADisk(disks, destination);
        AssemblyOptions options = AssemblyOptions.READ_ONLY
                .insisting(allowOlderHalf ? Set.of(Insistence.LONE_HALF) : Set.of())
                .forArrays(arrayName.map(Set::of).orElse(Set.of()))
                .withMemberTimeoutNanos(Seconds.parse(memberTimeout));
        try (Engine engine = new Engine();
                IoMemory memory = DataMemory.forCopying();
                AssembledContainer container = engine.start(disks, Access.LOOK, options, memory, console()::say)) {
            AssembledContainer.Volume volume = only(container);
            Notices.of(volume).forEach(console()::say);
            return copy(volume, memory, destination);
        }
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
        Path target = Path.of(destination);
        for (Disk disk : disks) {
            if (!destination.equals("-")
                    && !disk.isUri()
                    && Files.exists(target)
                    && Files.exists(Path.of(disk.location()))
                    && Files.isSameFile(target, Path.of(disk.location()))) {
                throw new Refused(
                        ExitCode.USAGE, "'" + destination + "' is one of the disks that are read; name another DEST");
            }
        }
    }

    private int copy(AssembledContainer.Volume volume, IoMemory memory, String destination)
            throws Refused, IOException {
        long size = volume.array().limits().sizeBytes();
        Progress progress = new Progress(console(), "copying " + volume.name(), size);
        List<String> lost = new ArrayList<>();
        try (Target target = open(destination, size)) {
            new ArrayReader(volume.array(), memory).readAll(new ArrayReader.Sink() {
                @Override
                public void piece(long offset, ByteBuffer content) throws IOException {
                    int length = content.remaining();
                    target.write(offset, content);
                    progress.at(offset + length);
                }

                @Override
                public void lost(long offset, long length) throws Refused {
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
                    lost.add(place);
                    target.zeroes(offset, length);
                }
            });
            target.finish();
        } finally {
            progress.end();
        }
        String done = "copied %s: %d bytes (%s)".formatted(volume.name(), size, Sizes.shown(size));
        if (lost.isEmpty()) {
            console().say(done);
            return ExitCode.DONE.number();
        }
        console().say(done + ", but " + lost.size() + " blocks could not be read and are zeroes in the copy");
        return ExitCode.IO.number();
    }

    // ---------------------------------------------------------------------------------------------- where to

    private Target open(String destination, long size) throws Refused, IOException {
        if (destination.equals("-")) {
            return new Target(new FileOutputStream(FileDescriptor.out).getChannel(), false, false, size);
        }
        if (destination.contains("://")) {
            throw new Refused(
                    ExitCode.USAGE, "'" + destination + "' cannot be written to: name a file, a block device or -");
        }
        Path path = Path.of(destination);
        boolean regular = !Files.exists(path) || Files.isRegularFile(path);
        boolean device = !regular && isBlockDevice(path);
        boolean filled = device || (regular && Files.exists(path) && Files.size(path) > 0);
        if (filled && !overwrite) {
            throw new Refused(
                    ExitCode.REFUSED,
                    "'" + destination + "' is there already; insist with --overwrite, or name another DEST");
        }
        FileChannel channel = regular
                ? FileChannel.open(
                        path, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)
                : FileChannel.open(path, StandardOpenOption.WRITE);
        return new Target(channel, regular, regular || device, size);
    }

    private static boolean isBlockDevice(Path path) throws IOException {
        int type = (int) Files.getAttribute(path, "unix:mode") & 0170000;
        return type == 0060000;
    }

    /** Where the content goes. */
    private static final class Target implements AutoCloseable {
        private static final MemorySegment ZEROES = MemorySegment.ofArray(new byte[HOLE_BYTES]);

        private final FileChannel channel;
        private final boolean sparse;
        private final boolean seeks;
        private final long size;

        private Target(FileChannel channel, boolean sparse, boolean seeks, long size) {
            this.channel = channel;
            this.sparse = sparse;
            this.seeks = seeks;
            this.size = size;
        }

        void write(long offset, ByteBuffer content) throws IOException {
            if (!sparse) {
                put(offset, content);
                return;
            }
            MemorySegment bytes = MemorySegment.ofBuffer(content);
            int base = content.position();
            for (int at = 0; at < bytes.byteSize(); at += HOLE_BYTES) {
                long part = Math.min(HOLE_BYTES, bytes.byteSize() - at);
                if (bytes.asSlice(at, part).mismatch(ZEROES.asSlice(0, part)) >= 0) {
                    content.limit(base + at + (int) part).position(base + at);
                    put(offset + at, content);
                }
            }
        }

        void zeroes(long offset, long length) throws Refused {
            try {
                for (long at = 0; at < length && !sparse; at += HOLE_BYTES) {
                    put(offset + at, ByteBuffer.allocate((int) Math.min(HOLE_BYTES, length - at)));
                }
            } catch (IOException broken) {
                throw new Refused(ExitCode.IO, "the copy cannot be written: " + broken.getMessage());
            }
        }

        private void put(long offset, ByteBuffer content) throws IOException {
            long at = offset;
            while (content.hasRemaining()) {
                at += seeks ? channel.write(content, at) : channel.write(content);
            }
        }

        /** Everything is there, and durable where that means something. */
        void finish() throws IOException {
            if (sparse && channel.size() < size) {
                channel.write(ByteBuffer.allocate(1), size - 1);
            }
            if (seeks) {
                channel.force(true);
            }
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }
}
