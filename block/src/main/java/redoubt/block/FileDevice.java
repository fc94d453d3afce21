package redoubt.block;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
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

    private static final int MAX_TRANSFER_BYTES = 1 << 25;
    private static final int PAGE_BYTES = 4096;

    private final Path path;
    private final BlockLimits limits;
    private final ThreadLane lane;
    private final @Nullable MappedFile mapped;
    private final @Nullable CachedReads cached;

    private FileDevice(
            Path path, BlockLimits limits, ThreadLane lane, @Nullable MappedFile mapped, @Nullable CachedReads cached) {
        this.path = path;
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
     * @throws DiskRefused if it is not there, is no disk, may not be opened, or fails at once
     */
    public static FileDevice open(Path path, FileOptions options, Heartbeat heartbeat) throws DiskRefused {
        boolean blockDevice = isBlockDevice(path);
        int descriptor = FileCalls.NO_DESCRIPTOR;
        FileChannel[] channels = new FileChannel[options.threads()];
        boolean opened = false;
        try {
            if (Linux.available()) {
                descriptor = openDescriptor(path, options.readOnly());
            }
            int blockBytes = blockBytes(descriptor, blockDevice, options);
            boolean direct = switch (options.caching()) {
                case DIRECT -> true;
                case BUFFERED, AUTOMATIC -> false;
            };
            for (int i = 0; i < channels.length; i++) {
                channels[i] = FileChannel.open(path, openOptions(options.readOnly(), direct));
            }
            long size = blockDevice && descriptor != FileCalls.NO_DESCRIPTOR
                    ? Linux.deviceBytes(descriptor)
                    : channels[0].size();
            if (size < 0) {
                throw new DiskRefused(
                        DiskRefused.Reason.FAILED, path, "its size cannot be learnt; see the kernel's log");
            }
            boolean linux = descriptor != FileCalls.NO_DESCRIPTOR;
            BlockLimits limits = new BlockLimits(
                    size & -blockBytes,
                    blockBytes,
                    Math.max(blockBytes, PAGE_BYTES),
                    MAX_TRANSFER_BYTES,
                    options.readOnly(),
                    linux && !blockDevice, // a disk's discard promises no zeroes, and mirrors must not differ
                    linux,
                    false);
            boolean inline = linux && !direct && options.way() == FileOptions.Way.AUTOMATIC;
            MappedFile mapped = inline && !blockDevice && !options.readOnly() && Linux.onTmpfs(descriptor)
                    ? new MappedFile(channels[0], limits.sizeBytes())
                    : null;
            CachedReads cached = inline && mapped == null ? cachedReads(descriptor) : null;
            FileCalls calls = new FileCalls(channels, descriptor, blockDevice, limits, mapped, cached);
            String name = "lane-" + path.getFileName();
            opened = true; // from here on the lane closes what was opened
            ThreadLane lane = new ThreadLane(
                    name, calls, options.threads(), options.timeLimitNanos(), options.queueCapacity(), heartbeat);
            return new FileDevice(path, limits, lane, mapped, cached);
        } catch (IOException | UnsupportedOperationException failed) {
            throw refusal(path, failed);
        } finally {
            if (!opened) {
                closeAll(channels, descriptor);
            }
        }
    }

    private static @Nullable CachedReads cachedReads(int descriptor) {
        CachedReads reads = new CachedReads(descriptor);
        return reads.supported() ? reads : null;
    }

    /** Looks before anything is opened: opening a FIFO waits for its other end, and opening a device node may do anything. */
    private static boolean isBlockDevice(Path path) throws DiskRefused {
        try {
            BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
            if (attributes.isRegularFile()) {
                return false;
            }
            if (attributes.isDirectory()) {
                throw new DiskRefused(
                        DiskRefused.Reason.NOT_A_DISK, path, "it is a directory; give a file or a block device");
            }
            int kind = (int) Files.getAttribute(path, "unix:mode") & 0xF000;
            String what = switch (kind) {
                case 0x6000 -> "";
                case 0x1000 -> "a FIFO";
                case 0x2000 -> "a character device";
                case 0xC000 -> "a socket";
                default -> "something unknown";
            };
            if (what.isEmpty()) {
                return true;
            }
            throw new DiskRefused(
                    DiskRefused.Reason.NOT_A_DISK, path, "it is " + what + "; give a file or a block device");
        } catch (UnsupportedOperationException notUnix) {
            throw new DiskRefused(DiskRefused.Reason.NOT_A_DISK, path, "it is not a regular file; give one");
        } catch (IOException failed) {
            throw refusal(path, failed);
        }
    }

    private static int openDescriptor(Path path, boolean readOnly) throws DiskRefused {
        int descriptor = Linux.open(path.toString(), readOnly ? Linux.O_RDONLY : Linux.O_RDWR);
        if (descriptor >= 0) {
            return descriptor;
        }
        int errno = -descriptor;
        DiskRefused.Reason reason = switch (errno) {
            case Linux.ENOENT -> DiskRefused.Reason.ABSENT;
            case Linux.EACCES, Linux.EPERM, Linux.EROFS -> DiskRefused.Reason.FORBIDDEN;
            default -> DiskRefused.Reason.FAILED;
        };
        String todo = switch (reason) {
            case FORBIDDEN -> readOnly ? "; ask its owner to let you read it" : "; open it read-only, or ask its owner";
            case ABSENT, NOT_A_DISK, IN_USE, FAILED -> "";
        };
        throw new DiskRefused(reason, path, "opening it failed: " + Linux.errorText(errno) + todo);
    }

    private static int blockBytes(int descriptor, boolean blockDevice, FileOptions options) {
        if (options.blockBytes() != 0) {
            return options.blockBytes();
        }
        if (blockDevice && descriptor != FileCalls.NO_DESCRIPTOR) {
            int asked = Linux.deviceBlockBytes(descriptor);
            if (asked >= 512 && Integer.bitCount(asked) == 1) {
                return asked;
            }
        }
        return 512;
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

    private static DiskRefused refusal(Path path, Exception failed) {
        if (failed instanceof NoSuchFileException) {
            return new DiskRefused(DiskRefused.Reason.ABSENT, path, "there is nothing at this path");
        }
        if (failed instanceof AccessDeniedException) {
            return new DiskRefused(
                    DiskRefused.Reason.FORBIDDEN, path, "you may not open it; open it read-only, or ask its owner");
        }
        return new DiskRefused(DiskRefused.Reason.FAILED, path, "opening it failed: " + failed.getMessage());
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
