package redoubt.cli;

import java.io.ByteArrayInputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import redoubt.assembly.Access;
import redoubt.assembly.AssembledContainer;
import redoubt.assembly.Assembly;
import redoubt.assembly.AssemblyOptions;
import redoubt.assembly.AssemblyRefused;
import redoubt.assembly.Creation;
import redoubt.assembly.Disk;
import redoubt.assembly.DiskOpener;
import redoubt.assembly.FileDisks;
import redoubt.base.Heartbeat;
import redoubt.base.WorkerFactory;
import redoubt.block.DiskRefused;
import redoubt.block.FileOptions;
import redoubt.block.IoMemory;
import redoubt.control.AttributeRefused;
import redoubt.control.Attributes;
import redoubt.control.SocketAttributes;
import redoubt.fuse.FuseRefused;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.imsm.ImsmFormat;
import redoubt.nbd.NbdClient;
import redoubt.nbd.NbdClientOptions;
import redoubt.nbd.NbdUri;

/**
 * Plays what serving is before it is said to be ready: an array of each level that will be served is made on files in memory, served by parts like those that
 * serve afterwards, and stopped. So whatever is needed only once (a class, the link of a call, a page, a thread's first turn) is needed now, and
 * what is needed often is compiled.
 *
 * <p>First the breadth: clients come and go, in good order and not; every request, the attributes, the way from clean to dirty, a
 * sector that cannot be read, a member that fails, and what comes after it. Then the depth: requests until the compiler has nothing more to do. The
 * order matters, for the compiler leaves out what it has never seen.
 *
 * <p>On the thread of the verb that serves. It uses the memory that requests will be carried in, and gives it back. Each wait has a limit. Its files go when
 * it ends; what one leaves behind that was killed, the next takes away.
 */
final class Rehearsal {

    private static final String NAME = "rehearsal";
    private static final Path MEMORY = Path.of("/dev/shm");
    private static final long MEMBER_BYTES = 16L << 20;
    private static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(20);
    private static final long SEED = 20231114;
    private static final int BLOCK_BYTES = 4096;
    private static final int TURNS = 16;
    private static final String FOLDER = "redoubt-rehearsal-";
    private static final String HELD = "held";

    private final Heartbeat heartbeat;
    private final IoMemory memory;
    private final long depthNanos;
    private final Path folder;
    private final Function<FileOptions, DiskOpener> openers;
    private Optional<String> noRing = Optional.empty();

    private Rehearsal(
            Heartbeat heartbeat,
            IoMemory memory,
            long depthNanos,
            Path folder,
            Function<FileOptions, DiskOpener> openers) {
        this.heartbeat = heartbeat;
        this.memory = memory;
        this.depthNanos = depthNanos;
        this.folder = folder;
        this.openers = openers;
    }

    /** A rehearsal that did not come to its end. What serves is not touched by that; but it may need something new. */
    static final class Failed extends Exception {
        private static final long serialVersionUID = 1;

        Failed(String why, Throwable cause) {
            super(why, cause);
        }
    }

    /**
     * Plays it.
     *
     * @param levels what will be served
     * @param depthNanos the longest time for requests until the compiler has nothing more to do, for all levels together
     * @return why the files in memory could not be reached by io_uring, past the page cache, as disks are; empty if they were
     */
    static Optional<String> play(Heartbeat heartbeat, IoMemory memory, Set<RaidLevel> levels, long depthNanos)
            throws Failed {
        return play(heartbeat, memory, levels, depthNanos, parent(), options -> new FileDisks(heartbeat, options));
    }

    private static Path parent() {
        return Files.isWritable(MEMORY) ? MEMORY : Path.of(System.getProperty("java.io.tmpdir", "/tmp"));
    }

    /**
     * The same elsewhere.
     *
     * @param parent where the files are
     * @param openers what opens them
     */
    static Optional<String> play(
            Heartbeat heartbeat,
            IoMemory memory,
            Set<RaidLevel> levels,
            long depthNanos,
            Path parent,
            Function<FileOptions, DiskOpener> openers)
            throws Failed {
        try (Folder folder = Folder.in(parent)) {
            Rehearsal rehearsal = new Rehearsal(heartbeat, memory, depthNanos / levels.size(), folder.path(), openers);
            for (RaidLevel level : levels) {
                rehearsal.play(level);
            }
            return rehearsal.noRing;
        } catch (IOException
                | AssemblyRefused
                | AttributeRefused
                | DiskRefused
                | FuseRefused
                | NbdUri.Malformed
                | InterruptedException failed) {
            throw new Failed("the rehearsal failed: " + failed.getMessage(), failed);
        }
    }

    /**
     * A folder that goes with whatever is in it.
     *
     * @param lock held as long as somebody plays here
     */
    private record Folder(Path path, FileChannel held, FileLock lock) implements AutoCloseable {

        static Folder in(Path parent) throws IOException {
            sweep(parent);
            Path path = Files.createTempDirectory(parent, FOLDER);
            @Nullable FileChannel held = null;
            @Nullable FileLock lock = null;
            try {
                held = FileChannel.open(path.resolve(HELD), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
                lock = held.lock();
                return new Folder(path, held, lock);
            } finally {
                if (lock == null) {
                    if (held != null) {
                        held.close();
                    }
                    delete(path);
                }
            }
        }

        private static void sweep(Path parent) throws IOException {
            try (DirectoryStream<Path> left = Files.newDirectoryStream(parent, FOLDER + "*")) {
                for (Path folder : left) {
                    takeAwayLeft(folder);
                }
            }
        }

        /** Takes away what one left who was killed. */
        private static void takeAwayLeft(Path folder) {
            try (FileChannel held = FileChannel.open(folder.resolve(HELD), StandardOpenOption.WRITE);
                    FileLock lock = held.tryLock()) {
                if (lock != null) {
                    delete(folder);
                }
            } catch (IOException | OverlappingFileLockException notOurs) {
                return;
            }
        }

        private static void delete(Path folder) throws IOException {
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.deleteIfExists(file);
                }
            } catch (UncheckedIOException gone) {
                throw gone.getCause();
            }
        }

        @Override
        public void close() throws IOException {
            try (held) {
                delete(path);
            }
        }
    }

    private void play(RaidLevel level)
            throws IOException, AssemblyRefused, AttributeRefused, DiskRefused, FuseRefused, NbdUri.Malformed,
                    InterruptedException {
        int members = switch (level) {
            case LINEAR, RAID0, RAID1 -> 2;
            case RAID4, RAID5 -> 3;
            case RAID6, RAID10 -> 4;
        };
        List<FailingDisk> opened = new ArrayList<>();
        // Past the page cache and through a ring, as block devices are; where that cannot be had, as files are.
        FileOptions ring = FileOptions.DEFAULTS.withWay(FileOptions.Way.URING).withCaching(FileOptions.Caching.DIRECT);
        List<Disk> disks = files(level, members);
        create(level, disks);
        DiskOpener opener;
        try {
            opener = openers.apply(ring);
            opener.open(disks.getFirst(), Access.WRITE, LIMIT_NANOS).close();
        } catch (DiskRefused refused) {
            noRing = Optional.of(String.valueOf(refused.getMessage()));
            opener = openers.apply(FileOptions.DEFAULTS);
        }
        DiskOpener files = opener;
        serve(
                disks,
                (disk, access, timeout) -> {
                    FailingDisk failing = new FailingDisk(files.open(disk, access, timeout));
                    opened.add(failing);
                    return failing;
                },
                (service, uri) -> breadth(service, uri, level, opened));
        List<Disk> fresh = files(level, members);
        create(level, fresh);
        serve(fresh, files, (service, uri) -> depth(uri));
    }

    private List<Disk> files(RaidLevel level, int members) throws IOException, AssemblyRefused {
        List<Disk> disks = new ArrayList<>();
        for (int i = 0; i < members; i++) {
            Path image = folder.resolve(level.word() + "-" + i);
            Files.deleteIfExists(image);
            try (FileChannel file = FileChannel.open(image, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                file.write(ByteBuffer.allocate(1), MEMBER_BYTES - 1);
            }
            disks.add(Disk.parse(image + ",serial=REHEARSAL-" + i));
        }
        return disks;
    }

    private void create(RaidLevel level, List<Disk> disks) throws AssemblyRefused {
        Creation.Wish wish = new Creation.Wish(
                NAME,
                level,
                OptionalInt.empty(),
                OptionalLong.empty(),
                disks.stream().map(Optional::of).toList(),
                List.of(),
                true,
                false);
        try (Creation creation = Creation.open(
                wish, new ImsmFormat(), new FileDisks(heartbeat), LIMIT_NANOS, new SplittableRandom(SEED), 0)) {
            creation.write(zeroed -> {});
        }
    }

    /** What is played while something is served. */
    private interface Scene {
        void play(Service service, NbdUri uri)
                throws IOException, AttributeRefused, NbdUri.Malformed, InterruptedException;
    }

    private void serve(List<Disk> disks, DiskOpener opener, Scene scene)
            throws IOException, AssemblyRefused, AttributeRefused, FuseRefused, NbdUri.Malformed, InterruptedException {
        EventPrinter printer = new EventPrinter(silent());
        AssembledContainer container = new Assembly(heartbeat, WorkerFactory.threads(), opener)
                .assemble(disks, Access.WRITE, AssemblyOptions.WRITABLE, memory, printer::complain);
        try {
            container.start(LIMIT_NANOS);
            Path nbd = folder.resolve("n");
            Service service = Service.start(
                    container,
                    heartbeat,
                    memory,
                    new Service.Sockets(folder.resolve("c"), List.of(), List.of(new ListenAddress.Unix(nbd))),
                    () -> {});
            try {
                printer.follow(service.tree().root());
                scene.play(service, NbdUri.parse(service.uris().getFirst()));
            } finally {
                service.stop();
                printer.stop();
            }
        } finally {
            container.close();
        }
    }

    private static Console silent() {
        PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream(), true, StandardCharsets.UTF_8);
        return new Console(nowhere, nowhere, new ByteArrayInputStream(new byte[0]), Map.of(), false, false);
    }

    // ---------------------------------------------------------------------------------------------- breadth

    private void breadth(Service service, NbdUri uri, RaidLevel level, List<FailingDisk> members)
            throws IOException, AttributeRefused, InterruptedException {
        Path socket = Path.of(String.valueOf(uri.socket()));
        rudeClients(socket);
        try (NbdExchange plain = new NbdExchange(socket, NAME, LIMIT_NANOS)) {
            plain.write(0, new byte[3 * BLOCK_BYTES]);
            plain.flush();
            plain.read(0, 1 << 20);
        }
        try (Attributes attributes = SocketAttributes.connect(service.control(), LIMIT_NANOS);
                RehearsalLoad load = new RehearsalLoad(open(uri), memory, LIMIT_NANOS)) {
            load.everything();
            String md = "block/" + NAME + "/md/";
            attributes.watch(md + "array_state");
            attributes.write(md + "safe_mode_delay", "0.01");
            load.everything();
            attributes.awaitChange(TimeUnit.SECONDS.toNanos(1));
            attributes.write(md + "safe_mode_delay", "0.2");
            walk(attributes, "");
            load.everything();
            members.getFirst().failReads(1);
            load.everything();
            if (level.redundant()) {
                members.getFirst().failWrites();
                load.everything();
                load.everything();
                walk(attributes, "");
            }
        }
        rudeClients(socket);
    }

    private static NbdClient open(NbdUri uri) throws IOException {
        return NbdClient.open(uri, NbdClientOptions.DEFAULTS.withOwnServerToo(true));
    }

    /** One hangs up at once, one speaks another language, one goes in the middle of a word. */
    private static void rudeClients(Path socket) throws IOException {
        for (String words : List.of("", "GET / HTTP/1.1\r\n\r\n".repeat(4), "\0\0\0\3IHAVE")) {
            try (BoundedSocket client = new BoundedSocket(socket, LIMIT_NANOS)) {
                client.read(ByteBuffer.allocate(18));
                client.write(ByteBuffer.wrap(words.getBytes(StandardCharsets.US_ASCII)));
            }
        }
    }

    /** Reads every attribute there is. */
    static void walk(Attributes attributes, String directory) throws IOException {
        try {
            for (Attributes.Entry entry : attributes.list(directory)) {
                String path = directory.isEmpty() ? entry.name() : directory + "/" + entry.name();
                switch (entry.kind()) {
                    case DIRECTORY -> walk(attributes, path);
                    case ATTRIBUTE -> read(attributes, path);
                    case LINK -> attributes.readlink(path);
                }
            }
        } catch (AttributeRefused gone) {
            return; // a member that failed takes its attributes with it
        }
    }

    private static void read(Attributes attributes, String path) throws IOException {
        try {
            attributes.read(path);
        } catch (AttributeRefused writeOnly) {
            return;
        }
    }

    /**
     * Everybody who will serve takes a turn: clients read from all data threads at once, and somebody reads the attributes. Nothing is changed. They come by a
     * way of their own, for nobody else is let in yet.
     */
    static void firstTurns(Service service, int dataThreads) throws Failed {
        try (Folder folder = Folder.in(parent())) {
            Path socket = folder.path().resolve("n");
            Closeable way = service.listenMeanwhile(socket);
            try {
                for (String export : service.exports()) {
                    turns(socket, export, dataThreads);
                }
            } finally {
                way.close();
            }
            try (Attributes attributes = SocketAttributes.connect(service.control(), LIMIT_NANOS)) {
                walk(attributes, "");
            }
        } catch (IOException failed) {
            throw new Failed("the rehearsal failed: " + failed.getMessage(), failed);
        }
    }

    private static void turns(Path socket, String export, int dataThreads) throws IOException {
        List<NbdExchange> clients = new ArrayList<>();
        try {
            for (int i = 0; i < dataThreads; i++) {
                clients.add(new NbdExchange(socket, export, LIMIT_NANOS));
            }
            for (int round = 0; round < TURNS; round++) {
                for (NbdExchange client : clients) {
                    client.read((long) round * BLOCK_BYTES, BLOCK_BYTES);
                }
            }
        } finally {
            closeAll(clients);
        }
    }

    private static void closeAll(List<NbdExchange> clients) throws IOException {
        try {
            while (!clients.isEmpty()) {
                clients.removeLast().close();
            }
        } finally {
            if (!clients.isEmpty()) {
                closeAll(clients);
            }
        }
    }

    // ---------------------------------------------------------------------------------------------- depth

    private void depth(NbdUri uri) throws IOException, InterruptedException {
        try (RehearsalLoad first = new RehearsalLoad(open(uri), memory, LIMIT_NANOS)) {
            long begin = System.nanoTime();
            CompilerRest rest = new CompilerRest();
            while (System.nanoTime() - begin < depthNanos && !rest.reached()) {
                first.many();
            }
        }
    }
}
