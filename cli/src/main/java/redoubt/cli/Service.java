package redoubt.cli;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import redoubt.assembly.AssembledContainer;
import redoubt.base.Heartbeat;
import redoubt.base.WorkerFactory;
import redoubt.block.IoMemory;
import redoubt.control.ControlPath;
import redoubt.control.ControlServer;
import redoubt.fuse.FuseMount;
import redoubt.fuse.FuseRefused;
import redoubt.fuse.FuseVolume;
import redoubt.metadata.VolumePicture;
import redoubt.nbd.NbdExports;
import redoubt.nbd.NbdLimits;
import redoubt.nbd.NbdServer;

/**
 * A container that is served: its arrays, the NBD server before them, and the tree of attributes with its queues and socket. Starts these in the order
 * in which they need each other, and stops them in the opposite one: first the clients get their answers and go, then the arrays are marked
 * clean, then whoever watches learns how that ended, and the sockets and mounted attributes go last.
 *
 * <p>For the thread of the verb that serves; nothing on the data path comes through here.
 */
final class Service {

    private static final Duration CLIENTS_LIMIT = Duration.ofSeconds(10);
    private static final Duration ARRAYS_LIMIT = Duration.ofSeconds(30);
    private static final long LAST_WORD_NANOS = 200_000_000L;

    private final AssembledContainer container;
    private final ServedQueues queues;
    private final ServedTree tree;
    private final Health health;
    private final ControlServer control;
    private final List<Path> otherNames;
    private final NbdServer nbd;
    private final @Nullable DoorExports doors; // where a daemon keeps the metadata
    private final List<String> uris;
    private final @Nullable FuseMount mount;
    private boolean volumesWereOpen;

    private Service(
            AssembledContainer container,
            ServedQueues queues,
            ServedTree tree,
            Health health,
            ControlServer control,
            List<Path> otherNames,
            NbdServer nbd,
            @Nullable DoorExports doors,
            List<String> uris,
            @Nullable FuseMount mount) {
        this.doors = doors;
        this.container = container;
        this.queues = queues;
        this.tree = tree;
        this.health = health;
        this.control = control;
        this.otherNames = otherNames;
        this.nbd = nbd;
        this.uris = uris;
        this.mount = mount;
    }

    /**
     * Where the sockets are.
     *
     * @param control the control socket
     * @param otherNames further names of it, one for each volume but the first
     * @param listen where the NBD server listens
     * @param mount the directory on which attributes and volumes are mounted as files, if any
     */
    record Sockets(Path control, List<Path> otherNames, List<ListenAddress> listen, Optional<Path> mount) {
        Sockets(Path control, List<Path> otherNames, List<ListenAddress> listen) {
            this(control, otherNames, listen, Optional.empty());
        }
    }

    /** The sockets where nobody says otherwise: all in the user's own directory, called after the volumes. */
    static Sockets standardSockets(AssembledContainer container) throws IOException {
        Path directory = ControlPath.directory();
        ControlPath.make(directory);
        List<Path> names = container.volumes().stream()
                .map(volume -> ControlPath.of(directory, volume.name()))
                .toList();
        Path control = names.getFirst();
        String file = control.getFileName().toString();
        Path nbd = directory.resolve(file.substring(0, file.length() - ".sock".length()) + ".nbd");
        return new Sockets(control, names.subList(1, names.size()), List.of(new ListenAddress.Unix(nbd)));
    }

    /** {@link #prepare}, and lets clients in. */
    static Service start(
            AssembledContainer container, Heartbeat heartbeat, IoMemory memory, Sockets sockets, Runnable stop)
            throws IOException, FuseRefused {
        Service service = prepare(container, heartbeat, memory, sockets, stop);
        service.letIn();
        return service;
    }

    /**
     * Starts what serves. Clients of the sockets wait until they are let in; attributes, and what is mounted, are there at once.
     *
     * @param container started arrays; stays the caller's if this throws
     * @param heartbeat the one timer
     * @param stop called when somebody asks over the control socket that the process ends; must not wait
     */
    static Service prepare(
            AssembledContainer container, Heartbeat heartbeat, IoMemory memory, Sockets sockets, Runnable stop)
            throws IOException, FuseRefused {
        NbdExports exports = new NbdExports();
        for (AssembledContainer.Volume volume : container.volumes()) {
            exports.add(
                    volume.name(), volume.array(), description(volume.found().picture()));
        }
        boolean started = false;
        ServedQueues queues = new ServedQueues(heartbeat);
        DoorExports doorExports = null;
        try {
            List<DaemonTrees.Doors> doors = new ArrayList<>();
            DoorFiles doorFiles = null;
            if (container.external().isPresent()) {
                doorExports = new DoorExports(sockets.control());
                doorFiles = new DoorFiles(container.devices());
                doors.add(doorExports);
                doors.add(doorFiles);
            }
            ServedTree tree = new ServedTree(container, queues, doors, stop);
            ControlServer control = ControlServer.start(tree.root(), sockets.control(), WorkerFactory.threads());
            try {
                Service service = start(
                        container, heartbeat, memory, sockets, queues, exports, tree, control, doorExports, doorFiles);
                started = true;
                return service;
            } finally {
                if (!started) {
                    control.close();
                }
            }
        } finally {
            if (!started && doorExports != null) {
                doorExports.stop(CLIENTS_LIMIT);
            }
            if (!started) {
                queues.close();
            }
        }
    }

    private static Service start(
            AssembledContainer container,
            Heartbeat heartbeat,
            IoMemory memory,
            Sockets sockets,
            ServedQueues queues,
            NbdExports exports,
            ServedTree tree,
            ControlServer control,
            @Nullable DoorExports doorExports,
            @Nullable DoorFiles doors)
            throws IOException, FuseRefused {
        List<Path> folders = new ArrayList<>();
        Optional.ofNullable(control.socket().toAbsolutePath().getParent()).ifPresent(folders::add);
        folders.add(Path.of(System.getProperty("java.io.tmpdir", "/tmp")));
        NbdServer nbd = new NbdServer(exports, memory, NbdLimits.standard(), folders);
        boolean started = false;
        try {
            nbd.hold();
            List<String> uris = listen(
                    nbd,
                    sockets.listen(),
                    container.volumes().stream()
                            .map(AssembledContainer.Volume::name)
                            .toList());
            List<Path> links = link(sockets);
            queues.rehearse();
            FuseMount mount = sockets.mount().isPresent()
                    ? FuseMount.open(
                            sockets.mount().get(),
                            tree.root(),
                            files(container),
                            doors == null ? null : doors.files(),
                            heartbeat.clock())
                    : null;
            Health health = new Health(
                    heartbeat,
                    Path.of("/proc/self"),
                    memory,
                    container.devices(),
                    nbd::status,
                    mount,
                    sockets.listen().stream().anyMatch(ListenAddress.Tcp.class::isInstance),
                    container.external().isPresent());
            tree.serves(uris, () -> nbd.status().sessions() + (mount == null ? 0 : mount.volumeWriters()), health);
            started = true;
            return new Service(container, queues, tree, health, control, links, nbd, doorExports, uris, mount);
        } finally {
            if (!started) {
                nbd.close();
            }
        }
    }

    private static String description(VolumePicture volume) {
        return "%s over %d members, %s"
                .formatted(
                        volume.level().word(),
                        volume.slots().size(),
                        Sizes.shown(redoubt.base.Sectors.toBytes(volume.sizeSectors())));
    }

    private static List<FuseVolume> files(AssembledContainer container) {
        return container.volumes().stream()
                .map(volume -> new FuseVolume(Served.nodeName(volume.name()), volume.array()))
                .toList();
    }

    private static List<String> listen(NbdServer nbd, List<ListenAddress> addresses, List<String> exports)
            throws IOException {
        List<String> uris = new ArrayList<>();
        for (ListenAddress address : addresses) {
            ListenAddress bound = switch (address) {
                case ListenAddress.Unix(Path path) -> {
                    nbd.listenUnix(path);
                    yield address;
                }
                case ListenAddress.Tcp(String host, int port) -> {
                    InetSocketAddress chosen = nbd.listenTcp(new InetSocketAddress(host, port));
                    yield new ListenAddress.Tcp(host, chosen.getPort());
                }
            };
            exports.forEach(export -> uris.add(bound.uri(export)));
        }
        return List.copyOf(uris);
    }

    private static List<Path> link(Sockets sockets) throws IOException {
        List<Path> links = new ArrayList<>();
        for (Path link : sockets.otherNames()) {
            if (Files.isSymbolicLink(link)) {
                Files.delete(link);
            }
            Files.createSymbolicLink(link, sockets.control().getFileName());
            links.add(link);
        }
        return links;
    }

    /** Lets in the clients who wait, and those who come. */
    void letIn() throws IOException {
        nbd.letIn();
    }

    /** Serves on one more Unix socket, while clients are not let in yet; answers how that is ended. */
    Closeable listenMeanwhile(Path socket) throws IOException {
        return nbd.listenMeanwhile(socket);
    }

    /** The names that clients ask for. */
    List<String> exports() {
        return container.volumes().stream().map(AssembledContainer.Volume::name).toList();
    }

    /** Where clients reach each volume: a line each for every place that is listened on. */
    List<String> uris() {
        return uris;
    }

    /** Where clients reach one volume. */
    List<String> uris(String export) {
        List<String> names = exports(); // each place that is listened on has them all, in this order
        List<String> found = new ArrayList<>();
        for (int i = names.indexOf(export); i < uris.size(); i += names.size()) {
            found.add(uris.get(i));
        }
        return found;
    }

    /** The control socket. */
    Path control() {
        return control.socket();
    }

    /** How the process stands by its promise. */
    Health health() {
        return health;
    }

    /** The attributes. */
    ServedTree tree() {
        return tree;
    }

    private String recorded() {
        boolean dirty = container.picture().volumes().stream()
                .filter(VolumePicture::dirty)
                .anyMatch(volume -> container.volume(volume.name()).isPresent());
        return dirty ? ServedTree.STOPPED_UNSURE : ServedTree.STOPPED;
    }

    /** Whether somebody had a volume of the mount open when it was taken away. */
    boolean volumesWereOpen() {
        return volumesWereOpen;
    }

    /**
     * Stops everything, within a limit.
     *
     * @return whether all is in good order: every client got its answers, and every member says what is true
     */
    boolean stop() {
        tree.enter(ServedTree.STOPPING);
        health.stop();
        FuseMount mounted = mount;
        if (mounted != null) {
            volumesWereOpen = !mounted.closeVolumes(CLIENTS_LIMIT.toNanos());
        }
        boolean answered = false;
        try {
            answered = nbd.stop(CLIENTS_LIMIT);
        } catch (InterruptedException hurried) {
            Thread.currentThread().interrupt();
        }
        boolean clean = container.stop(ARRAYS_LIMIT.toNanos());
        tree.enter(clean ? recorded() : ServedTree.STOPPED_DIRTY);
        LockSupport.parkNanos(this, LAST_WORD_NANOS); // whoever watches reads the last word
        DoorExports open = doors;
        if (open != null) {
            open.stop(CLIENTS_LIMIT);
        }
        if (mounted != null) {
            mounted.close();
        }
        for (Path link : otherNames) {
            try {
                Files.deleteIfExists(link);
            } catch (IOException stays) {
                clean = false;
            }
        }
        control.close();
        queues.close();
        return clean && answered;
    }
}
