package redoubt.block;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.Set;
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

    private final Path path;
    private final String identity;
    private final @Nullable DiskClaim claim;
    private final BlockLimits limits;
    private final ThreadLane lane;
    private final @Nullable MappedFile mapped;
    private final @Nullable CachedReads cached;

    private FileDevice(
            Path path,
            String identity,
            BlockLimits limits,
            ThreadLane lane,
            @Nullable DiskClaim claim,
            @Nullable MappedFile mapped,
            @Nullable CachedReads cached) {
        this.path = path;
        this.identity = identity;
        this.claim = claim;
        this.limits = limits;
        this.lane = lane;
        this.mapped = mapped;
        this.cached = cached;
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
        int descriptor = FileCalls.NO_DESCRIPTOR;
        FileChannel[] channels = new FileChannel[options.threads()];
        boolean handedOver = false;
        try {
            if (Linux.available()) {
                descriptor = openDescriptor(path, kind, options);
            }
            boolean direct = switch (options.caching()) {
                case DIRECT -> true;
                case BUFFERED, AUTOMATIC -> false;
            };
            for (int i = 0; i < channels.length; i++) {
                channels[i] = FileChannel.open(path, openOptions(options.readOnly(), direct));
            }
            DiskClaim.lock(path, descriptor, channels[0], options.lock());
            BlockLimits limits = FileLimits.of(path, kind, descriptor, channels[0], options);
            boolean inline =
                    descriptor != FileCalls.NO_DESCRIPTOR && !direct && options.way() == FileOptions.Way.AUTOMATIC;
            MappedFile mapped = inline && !kind.blockDevice() && !options.readOnly() && Linux.onTmpfs(descriptor)
                    ? new MappedFile(channels[0], limits.sizeBytes())
                    : null;
            CachedReads cached = inline && mapped == null ? cachedReads(descriptor) : null;
            FileCalls calls = new FileCalls(channels, descriptor, kind.blockDevice(), limits, mapped, cached, claim);
            handedOver = true; // from here on the lane closes what was opened
            ThreadLane lane = new ThreadLane(
                    "lane-" + path.getFileName(),
                    calls,
                    options.threads(),
                    options.timeLimitNanos(),
                    options.queueCapacity(),
                    heartbeat);
            return new FileDevice(path, kind.identity(), limits, lane, claim, mapped, cached);
        } catch (IOException | UnsupportedOperationException failed) {
            throw DiskKind.refusal(path, failed);
        } finally {
            if (!handedOver) {
                closeAll(channels, descriptor);
            }
        }
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

    private static Set<OpenOption> openOptions(boolean readOnly, boolean direct) {
        Set<OpenOption> options = new HashSet<>();
        options.add(StandardOpenOption.READ);
        if (!readOnly) {
            options.add(StandardOpenOption.WRITE);
        }
        if (direct) {
            options.add(directOption());
        }
        return options;
    }

    /** Java's word for O_DIRECT stands in a package that the compiler warns of by design; so it is asked for by name. */
    private static OpenOption directOption() {
        try {
            for (Object option :
                    Class.forName("com.sun.nio.file.ExtendedOpenOption").getEnumConstants()) {
                if (option.toString().equals("DIRECT")) {
                    return (OpenOption) option;
                }
            }
        } catch (ClassNotFoundException absent) {
            throw new UnsupportedOperationException("this Java runtime has no direct I/O", absent);
        }
        throw new UnsupportedOperationException("this Java runtime has no direct I/O");
    }

    private static void closeAll(@Nullable FileChannel[] channels, int descriptor) {
        for (FileChannel channel : channels) {
            if (channel != null) {
                try {
                    channel.close();
                } catch (IOException nothingWasWritten) {
                    // Nothing went through this channel yet.
                }
            }
        }
        if (descriptor != FileCalls.NO_DESCRIPTOR) {
            Linux.close(descriptor);
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
        } else if (lane.open() && performInline(request)) {
            request.complete(IoStatus.OK);
        } else {
            lane.submit(request);
        }
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
        return lane.abandoned();
    }

    /**
     * Names the one who is told, once, on the heartbeat's thread, that the lane was abandoned; before the requests it had are settled. It
     * must not block.
     */
    public void whenHung(Runnable listener) {
        lane.whenHung(listener);
    }

    /** How often something was thrown that nobody foresaw; anything but 0 is a bug. */
    public long faults() {
        return lane.faults();
    }

    @Override
    public void close() {
        if (claim != null) {
            claim.closing();
        }
        lane.close();
    }

    /**
     * Waits, after {@link #close}, until the file is closed, which a hung call delays for as long as it hangs. For tests, and for
     * whoever opens or unmounts next; never for the data path.
     *
     * @param nanos the longest wait
     * @return whether it is closed
     */
    public boolean awaitReleased(long nanos) throws InterruptedException {
        return lane.awaitReleased(nanos);
    }
}
