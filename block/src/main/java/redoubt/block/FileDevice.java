package redoubt.block;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import redoubt.base.Heartbeat;

/**
 * A regular file or a block device, opened as a disk.
 *
 * <p>A request that cannot block is carried out inside {@link #submit}; every other goes to the lane, whose threads may hang with the
 * disk while nobody else does. When a request is older than {@link FileOptions#timeLimitNanos}, the lane is abandoned: everything it
 * has is settled, {@link #whenHung} is told, and later requests are settled {@link IoStatus#GONE}.
 *
 * <p>The size is taken when the file is opened, in whole blocks. A file that shrinks afterwards answers {@link IoStatus#IO_ERROR} for
 * what it has lost; one that grows is not followed.
 *
 * <p>{@link #open} may block, as everything does that asks a disk; nothing else here does.
 */
public final class FileDevice implements BlockDevice {

    private static final int PROBE_BYTES = 4096;

    private final Path path;
    private final String identity;
    private final BlockLimits limits;
    private final ThreadLane lane;
    private final @Nullable RingLane ring;
    private final WriteBehind behind;
    private final @Nullable DiskClaim claim;
    private final @Nullable MappedFile mapped;
    private final @Nullable CachedReads cached;
    private final boolean direct;

    private FileDevice(
            Path path, String identity, BlockLimits limits, ThreadLane lane, @Nullable RingLane ring, OpenFile file) {
        this.path = path;
        this.identity = identity;
        this.limits = limits;
        this.lane = lane;
        this.ring = ring;
        this.claim = file.claim;
        this.mapped = file.mapped;
        this.direct = file.direct != FileCalls.NO_DESCRIPTOR;
        this.cached = file.cached;
        this.behind = file.behind;
    }

    /**
     * Opens a disk. On return its threads run and all it needs is allocated.
     *
     * @param path a regular file or a block device; symbolic links are followed
     * @param heartbeat watches the time limit
     * @throws DiskRefused if it is not there, is no disk, may not be opened, is in use, or fails at once
     */
    public static FileDevice open(Path path, FileOptions options, Heartbeat heartbeat) throws DiskRefused {
        DiskKind kind = DiskKind.of(path);
        DiskClaim claim = options.lock() == FileOptions.Lock.NONE ? null : DiskClaim.take(path, kind);
        boolean opened = false;
        try {
            FileDevice device = open(path, kind, options, claim, heartbeat);
            opened = true;
            return device;
        } finally {
            if (!opened && claim != null) {
                claim.release();
            }
        }
    }

    private static FileDevice open(
            Path path, DiskKind kind, FileOptions options, @Nullable DiskClaim claim, Heartbeat heartbeat)
            throws DiskRefused {
        FileChannel[] channels = new FileChannel[options.threads()];
        OpenFile file = new OpenFile(claim);
        boolean handedOver = false;
        try {
            if (Linux.available()) {
                file.descriptor = openDescriptor(path, kind, options);
            }
            for (int i = 0; i < channels.length; i++) {
                channels[i] = FileChannel.open(path, openOptions(options.readOnly()));
            }
            DiskClaim.lock(path, file.descriptor, channels[0], options.lock());
            file.direct = openDirect(path, kind, options);
            boolean direct = file.direct != FileCalls.NO_DESCRIPTOR;
            BlockLimits limits = FileLimits.of(path, kind, file.descriptor, channels[0], options);
            boolean inline =
                    file.descriptor != FileCalls.NO_DESCRIPTOR && !direct && options.way() == FileOptions.Way.AUTOMATIC;
            if (inline && !kind.blockDevice() && !options.readOnly() && Linux.onTmpfs(file.descriptor)) {
                file.mapped = new MappedFile(channels[0], limits.sizeBytes());
            } else if (inline) {
                file.cached = cachedReads(file.descriptor);
            }
            FileCalls calls = new FileCalls(
                    channels, file.descriptor, file.direct, kind.blockDevice(), limits, file.behind, file::leave);
            String name = "lane-" + path.getFileName();
            handedOver = true; // from here on the lanes close what was opened
            boolean ringWanted = direct && options.way() != FileOptions.Way.THREADS;
            file.users.set(ringWanted ? 2 : 1);
            ThreadLane lane = new ThreadLane(
                    name, calls, options.threads(), options.timeLimitNanos(), options.queueCapacity(), heartbeat);
            RingLane ring = ringWanted ? ring(path, kind, file, limits, options, lane, heartbeat) : null;
            return new FileDevice(path, kind.identity(), limits, lane, ring, file);
        } catch (IOException | UnsupportedOperationException failed) {
            throw DiskKind.refusal(path, failed);
        } finally {
            if (!handedOver) {
                closeAll(channels);
                file.close();
            }
        }
    }

    private static @Nullable RingLane ring(
            Path path,
            DiskKind kind,
            OpenFile file,
            BlockLimits limits,
            FileOptions options,
            ThreadLane lane,
            Heartbeat heartbeat)
            throws DiskRefused {
        try {
            RingLane ring = new RingLane(
                    "lane-" + path.getFileName() + "-ring",
                    file.direct,
                    !kind.blockDevice(),
                    (int) Math.min(limits.sizeBytes(), Math.min(limits.blockBytes(), PROBE_BYTES)),
                    file.behind,
                    file::leave,
                    options.timeLimitNanos(),
                    options.queueCapacity(),
                    heartbeat);
            ring.twinned(lane);
            return ring;
        } catch (UnsupportedOperationException refused) {
            if (options.way() == FileOptions.Way.URING) {
                lane.close();
                throw new DiskRefused(
                        DiskRefused.Reason.FAILED, path, refused.getMessage() + "; open it another way than URING");
            }
            return null; // the threads do it all
        }
    }

    /** A descriptor past the page cache, if that is wanted. */
    private static int openDirect(Path path, DiskKind kind, FileOptions options) throws DiskRefused {
        boolean automatic = options.caching() == FileOptions.Caching.AUTOMATIC;
        boolean demanded = options.caching() == FileOptions.Caching.DIRECT || options.way() == FileOptions.Way.URING;
        boolean wanted = automatic && kind.blockDevice() && options.way() == FileOptions.Way.AUTOMATIC;
        if (!demanded && !wanted) {
            return FileCalls.NO_DESCRIPTOR;
        }
        int access = options.readOnly() ? Linux.O_RDONLY : Linux.O_RDWR;
        int descriptor = Linux.available() ? Linux.open(path.toString(), access | Linux.O_DIRECT) : -Linux.ENOSYS;
        if (descriptor >= 0) {
            return descriptor;
        }
        if (demanded) {
            throw new DiskRefused(
                    DiskRefused.Reason.FAILED,
                    path,
                    "it cannot be opened past the page cache (error " + -descriptor + "); open it BUFFERED");
        }
        return FileCalls.NO_DESCRIPTOR;
    }

    private static @Nullable CachedReads cachedReads(int descriptor) {
        CachedReads reads = new CachedReads(descriptor);
        return reads.supported() ? reads : null;
    }

    private static int openDescriptor(Path path, DiskKind kind, FileOptions options) throws DiskRefused {
        int access = options.readOnly() ? Linux.O_RDONLY : Linux.O_RDWR;
        int descriptor = Linux.open(path.toString(), access | DiskClaim.openFlags(path, kind, options.lock()));
        if (descriptor < 0) {
            throw DiskClaim.refusal(path, -descriptor, options.readOnly());
        }
        return descriptor;
    }

    private static Set<OpenOption> openOptions(boolean readOnly) {
        return readOnly ? Set.of(StandardOpenOption.READ) : Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE);
    }

    private static void closeAll(@Nullable FileChannel[] channels) {
        for (FileChannel channel : channels) {
            if (channel != null) {
                try {
                    channel.close();
                } catch (IOException nothingWasWritten) {
                    // Nothing went through this channel yet.
                }
            }
        }
    }

    /** What the lanes share, closed when the last of them has ended. */
    private static final class OpenFile {
        final AtomicInteger users = new AtomicInteger();
        private final @Nullable DiskClaim claim;
        final WriteBehind behind = new WriteBehind();
        int descriptor = FileCalls.NO_DESCRIPTOR;
        int direct = FileCalls.NO_DESCRIPTOR;

        @Nullable
        MappedFile mapped;

        @Nullable
        CachedReads cached;

        OpenFile(@Nullable DiskClaim claim) {
            this.claim = claim;
        }

        void leave() {
            if (users.decrementAndGet() == 0) {
                close();
            }
        }

        void close() {
            if (mapped != null) {
                mapped.close();
            }
            if (cached != null) {
                cached.close();
            }
            if (direct != FileCalls.NO_DESCRIPTOR) {
                Linux.close(direct);
            }
            if (descriptor != FileCalls.NO_DESCRIPTOR) {
                Linux.close(descriptor);
            }
            if (claim != null) {
                claim.release();
            }
        }
    }

    @Override
    public BlockLimits limits() {
        return limits;
    }

    @Override
    public void submit(IoRequest request) {
        IoStatus status = limits.check(request);
        if (status != IoStatus.OK) {
            request.complete(status);
        } else if (behind.hasLost() && request.promisesDurability()) {
            request.complete(IoStatus.IO_ERROR);
        } else if (lane.open() && performInline(request)) {
            request.complete(IoStatus.OK);
        } else {
            laneFor(request).submit(request);
        }
    }

    private Lane laneFor(IoRequest request) {
        RingLane present = ring;
        if (present == null) {
            return lane;
        }
        return switch (request.operation()) {
            case READ, WRITE -> (request.address() & (limits.blockBytes() - 1)) == 0 ? present : lane;
            case FLUSH -> present;
            case TRIM, WRITE_ZEROES, ALLOCATION -> lane;
        };
    }

    private boolean performInline(IoRequest request) {
        MappedFile mappedFile = mapped;
        if (mappedFile != null) {
            return mappedFile.perform(request);
        }
        CachedReads cachedReads = cached;
        return cachedReads != null && request.operation() == IoOperation.READ && cachedReads.read(request);
    }

    /** The path it was opened by. */
    public Path path() {
        return path;
    }

    /** The same for every path that leads to the same disk: two members of one identity are one disk named twice. */
    public String identity() {
        return identity;
    }

    /** Whether the lane was abandoned: nothing will ever be answered from here again. */
    public boolean hung() {
        return lane.abandoned() || (ring != null && ring.abandoned());
    }

    /**
     * Names the one who is told, once, on the heartbeat's thread, that the lane was abandoned; before the requests it had are settled. It
     * must not block.
     */
    public void whenHung(Runnable listener) {
        AtomicBoolean told = new AtomicBoolean();
        Runnable once = () -> {
            if (told.compareAndSet(false, true)) {
                listener.run();
            }
        };
        lane.whenHung(once);
        if (ring != null) {
            ring.whenHung(once);
        }
    }

    /** How often something was thrown that nobody foresaw; anything but 0 is a bug. */
    public long faults() {
        return lane.faults() + (ring == null ? 0 : ring.faults());
    }

    @Override
    public void close() {
        if (claim != null) {
            claim.closing();
        }
        lane.close();
        if (ring != null) {
            ring.close();
        }
    }

    /**
     * Whether the system calls that Java has no word for can be made in this process. Where not, everything goes through FileChannel on the
     * lanes' threads: no direct I/O, no io_uring, no read that is answered at once, and only the locks that Java has.
     */
    public static boolean nativeAccess() {
        return Linux.available();
    }

    /** Whether a write takes memory of the page cache, which may have to be made free first. */
    public boolean usesPageCache() {
        return !direct;
    }

    /** Whether requests go through an io_uring. */
    public boolean usesRing() {
        return ring != null;
    }

    /**
     * Waits, after {@link #close}, until the file is closed, which a hung call delays for as long as it hangs. For tests, and for
     * whoever opens or unmounts next; never for the data path.
     *
     * @param nanos the longest wait
     * @return whether it is closed
     */
    public boolean awaitReleased(long nanos) throws InterruptedException {
        return lane.awaitReleased(nanos) && (ring == null || ring.awaitReleased(nanos));
    }
}
