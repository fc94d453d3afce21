package redoubt.fuse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import redoubt.base.Clock;
import redoubt.block.IoMemory;
import redoubt.block.IoRequestPool;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.NodeRefused;

/**
 * An attribute tree mounted on a directory, volumes in its subdirectory {@code volumes}, and the doors of daemons in {@code doors}: connections
 * with threads of their own, so that nothing that volumes wait for can be held up by their waiting. A write to a volume may wait for a store in an
 * attribute, and that store for a write at a door.
 *
 * <p><b>No {@link redoubt.kernfs.Subscriber}.</b> In Linux it is the file system that subscribes, for inotify. There is nothing here that it would do in
 * another's place. The kernel caches neither values nor names of this mount (all are valid for no time), so no change and no removal makes
 * anything stale that had to be called back; each look-up asks, and is told that a node is gone. Pollers are told by the notifier itself
 * ({@link AttributeHandle}), which must not become an item that waits for the supers lock. inotify it could not serve: FUSE has no word that makes
 * an event of it. What remains is memory, since the kernel keeps a removed name until somebody asks for it again. The word for that (NOTIFY_INVAL_ENTRY)
 * waits for the directory's lock in the kernel, behind whoever looks something up there, and would do so with the supers lock held; so whoever
 * enters as a daemon asks for the names of those before, and that is all there is.
 *
 * <p>Opening and closing wait and are for the thread that serves. What both need is made by {@link #open}; nothing is allocated for a read or
 * write of an open file, and no thread is started after it.
 */
public final class FuseMount implements AutoCloseable {

    /** The directory of the volumes. */
    public static final String VOLUMES = "volumes";

    /** The directory of the doors. */
    public static final String DOORS = "doors";

    private static final int ATTRIBUTE_THREADS = 4;
    private static final int ATTRIBUTE_BUFFER_BYTES = Exchange.PAYLOAD_AT + (64 << 10);
    private static final Shape VOLUME_SHAPE = new Shape(2, 34, 32);
    private static final Shape DOOR_SHAPE = new Shape(1, 17, 16);

    /** Memory to go on with when calls that hang keep some. */
    private static final int SPARE_BUFFERS = 6;

    private static final long GREETING_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final long THREADS_END_NANOS = TimeUnit.SECONDS.toNanos(2);
    private static final long LOOK_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    /** How much a connection for devices carries at once. */
    private record Shape(int threads, int exchanges, int background) {}

    private final Path directory;
    private final Path volumesPlace;
    private final List<KernfsDirectory> emptyDirectories;
    private final AttributeResponder attributes;
    private final FuseConnection attributeConnection;
    private final FuseFiles volumes;
    private final FuseConnection volumeConnection;
    private final @Nullable FuseConnection doorConnection;
    private final Guardian guardian;
    private boolean volumesClosed;
    private boolean volumesUsed;
    private boolean closed;

    private FuseMount(
            Path directory,
            Path volumesPlace,
            List<KernfsDirectory> emptyDirectories,
            AttributeResponder attributes,
            FuseConnection attributeConnection,
            FuseFiles volumes,
            FuseConnection volumeConnection,
            @Nullable FuseConnection doorConnection,
            Guardian guardian) {
        this.directory = directory;
        this.volumesPlace = volumesPlace;
        this.emptyDirectories = List.copyOf(emptyDirectories);
        this.attributes = attributes;
        this.attributeConnection = attributeConnection;
        this.volumes = volumes;
        this.volumeConnection = volumeConnection;
        this.doorConnection = doorConnection;
        this.guardian = guardian;
    }

    /**
     * Whether something could be mounted on this directory, as far as that can be seen before.
     *
     * @throws FuseRefused if not
     */
    public static void check(Path directory) throws FuseRefused {
        Mounting.check(directory);
    }

    /** Mounts a tree and volumes, and no doors. */
    public static FuseMount open(Path directory, KernfsDirectory root, List<FuseVolume> volumes, Clock clock)
            throws FuseRefused {
        return open(directory, root, volumes, null, clock);
    }

    /**
     * Mounts. The tree gets an empty directory {@link #VOLUMES} as long as the mount lasts, and there the volumes are mounted. Only root
     * can do that: to {@code fusermount3}, which acts with two identities, the kernel shows nothing of a mount of somebody else. So where
     * another user mounts, the volumes have a directory of their own, and {@link #VOLUMES} is a link to it; doors there are none then.
     *
     * @param directory one that exists; what is in it is hidden meanwhile
     * @param doors what is in {@link #DOORS}, now and later; null if there is to be no such directory
     * @throws FuseRefused if that cannot be done; nothing is left mounted then
     */
    public static FuseMount open(
            Path directory, KernfsDirectory root, List<FuseVolume> volumes, @Nullable FuseFiles doors, Clock clock)
            throws FuseRefused {
        Mounting.check(directory);
        Path place = real(directory);
        long since = clock.wallTime().getEpochSecond();
        boolean nested = Linux.user() == 0;
        List<KernfsDirectory> empty = new ArrayList<>();
        List<Runnable> undo = new ArrayList<>();
        try {
            Path volumesPlace;
            if (nested) {
                empty.add(new KernfsDirectory(VOLUMES));
                if (doors != null) {
                    empty.add(new KernfsDirectory(DOORS));
                }
                for (KernfsDirectory each : empty) {
                    root.add(each);
                    undo.add(each::remove);
                }
                volumesPlace = place.resolve(VOLUMES);
            } else {
                volumesPlace = ownDirectory();
                undo.add(() -> remove(volumesPlace));
            }
            FuseChannel attributeChannel = channel(place, AttributeResponder.LONGEST_TRANSFER_BYTES, undo);
            AttributeResponder attributes =
                    new AttributeResponder(attributeChannel, root, nested ? null : volumesPlace, since);
            IoMemory attributeMemory = new IoMemory(new IoMemory.Cut(ATTRIBUTE_BUFFER_BYTES, ATTRIBUTE_THREADS, 0));
            ExchangeStock attributeStock =
                    new ExchangeStock(attributeChannel, attributeMemory, ATTRIBUTE_THREADS, null, ATTRIBUTE_THREADS);
            FuseConnection attributeConnection =
                    new FuseConnection("attributes", attributeChannel, attributeStock, attributes, ATTRIBUTE_THREADS);
            begin(attributeConnection, undo);
            Guardian guardian = nested ? Guardian.of(place) : Guardian.of(place, volumesPlace);
            undo.add(guardian::dismiss);

            FuseFiles files = FuseFiles.of(volumes);
            FuseConnection volumeConnection = serve(VOLUMES, volumesPlace, files, VOLUME_SHAPE, since, undo);
            FuseConnection doorConnection =
                    nested && doors != null ? serve(DOORS, place.resolve(DOORS), doors, DOOR_SHAPE, since, undo) : null;
            undo.clear();
            return new FuseMount(
                    place,
                    volumesPlace,
                    empty,
                    attributes,
                    attributeConnection,
                    files,
                    volumeConnection,
                    doorConnection,
                    guardian);
        } catch (NodeRefused taken) {
            throw new FuseRefused("the tree has a '" + VOLUMES + "' or '" + DOORS + "' already");
        } finally {
            for (int i = undo.size() - 1; i >= 0; i--) {
                undo.get(i).run();
            }
        }
    }

    private static FuseConnection serve(
            String name, Path place, FuseFiles files, Shape shape, long since, List<Runnable> undo) throws FuseRefused {
        FuseChannel channel = channel(place, files.longestBytes(), undo);
        IoRequestPool requests = new IoRequestPool(2 * shape.exchanges());
        VolumeResponder responder = new VolumeResponder(files, requests, shape.background(), since);
        IoMemory memory = new IoMemory(new IoMemory.Cut(files.bufferBytes(), shape.exchanges() + SPARE_BUFFERS, 0));
        ExchangeStock stock = new ExchangeStock(channel, memory, shape.exchanges(), requests, shape.threads());
        responder.serves(stock);
        FuseConnection connection = new FuseConnection(name, channel, stock, responder, shape.threads());
        begin(connection, undo);
        return connection;
    }

    private static Path real(Path directory) throws FuseRefused {
        try {
            return directory.toRealPath();
        } catch (IOException gone) {
            throw new FuseRefused("'" + directory + "' is no directory to mount on");
        }
    }

    private static Path ownDirectory() throws FuseRefused {
        String runtime = System.getenv("XDG_RUNTIME_DIR");
        Path parent = Path.of(runtime == null || runtime.isEmpty() ? System.getProperty("java.io.tmpdir") : runtime);
        try {
            return Files.createTempDirectory(parent, "redoubt-volumes-").toRealPath();
        } catch (IOException refused) {
            throw new FuseRefused(
                    "cannot make a directory for the volumes in '" + parent + "': " + refused.getMessage());
        }
    }

    private static void remove(Path emptied) {
        try {
            Files.deleteIfExists(emptied);
        } catch (IOException stays) {
            // An empty directory: whoever uses the mount still is its last user.
        }
    }

    private static FuseChannel channel(Path place, int longestReadBytes, List<Runnable> undo) throws FuseRefused {
        FuseChannel channel = new FuseChannel(Mounting.attach(place, longestReadBytes));
        undo.add(() -> {
            if (!channel.isClosed()) {
                channel.close();
            }
        });
        undo.add(() -> Mounting.detach(place));
        return channel;
    }

    private static void begin(FuseConnection connection, List<Runnable> undo) throws FuseRefused {
        undo.add(() -> connection.stop(THREADS_END_NANOS));
        connection.start();
        connection.awaitGreeting(GREETING_NANOS);
    }

    /** Where it is. */
    public Path directory() {
        return directory;
    }

    /** Where the volumes are, as files. */
    public Path volumes() {
        return volumesPlace;
    }

    /** How often volumes are open to be written. Any thread. */
    public int volumeWriters() {
        return volumes.writers();
    }

    /** Requests to volumes that are not answered yet. Any thread. */
    public int volumeRequests() {
        return volumeConnection.underWay();
    }

    /** Requests that met a bug; 0 in good order. Any thread. */
    public long faults() {
        FuseConnection withDoors = doorConnection;
        return attributeConnection.faults() + volumeConnection.faults() + (withDoors == null ? 0 : withDoors.faults());
    }

    /** How many attributes and directories are open. Any thread. */
    public int openAttributes() {
        return attributes.open();
    }

    /** How many nodes the kernel knows. Any thread. */
    int knownNodes() {
        return attributes.known();
    }

    /** The process that guards this one. */
    int guardianPid() {
        return guardian.pid();
    }

    /**
     * Takes the volumes away: what is under way is answered within the limit, and whoever has a volume open is told by errors afterwards. The
     * attributes stay. A second call does nothing.
     *
     * @return whether nobody had a volume open, and all was answered
     */
    public boolean closeVolumes(long limitNanos) {
        if (volumesClosed) {
            return !volumesUsed;
        }
        volumesClosed = true;
        boolean unused = Mounting.detach(volumesPlace);
        long start = System.nanoTime();
        while (!volumeConnection.isQuiet() && System.nanoTime() - start < limitNanos) {
            LockSupport.parkNanos(this, LOOK_AGAIN_NANOS);
        }
        boolean answered = volumeConnection.stop(THREADS_END_NANOS);
        volumesUsed = !unused || !answered;
        return !volumesUsed;
    }

    /** Takes all away; whoever has a file open is told by errors afterwards. A second call does nothing. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        closeVolumes(0);
        FuseConnection withDoors = doorConnection;
        if (withDoors != null) {
            Mounting.detach(directory.resolve(DOORS));
            withDoors.stop(THREADS_END_NANOS);
        }
        Mounting.detach(directory);
        attributeConnection.stop(THREADS_END_NANOS);
        attributes.close();
        emptyDirectories.forEach(KernfsDirectory::remove);
        if (emptyDirectories.isEmpty()) {
            remove(volumesPlace);
        }
        guardian.dismiss();
    }
}
