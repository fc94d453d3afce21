package redoubt.block;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The right to use a disk. Two users of one disk destroy it, so nothing is written without a claim.
 *
 * <p>In this process: one claim on a disk, by whatever path, which also finds the disk that was named twice. Between processes: on files an
 * open-file-description lock (fcntl F_OFD_SETLK) over the whole file, exclusive or shared; it belongs to one descriptor, so that nobody
 * drops it by closing another, and it meets qemu's locks too. On block devices O_EXCL besides, which the kernel takes for mounts, md, dm and
 * loop: whoever claims exclusively holds it, whoever shares only makes sure that nobody does. Where there is no Linux: the lock of
 * FileChannel, on a byte far behind the end, since such locks keep even their owner's other channels out on Windows.
 *
 * <p>A claim is held until the last call on the disk has come back. Opening a disk that this process is just closing waits for that, but
 * not longer than {@link #CLOSING_NANOS}.
 */
final class DiskClaim {

    private static final long CLOSING_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long LOOK_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(1);
    private static final int PROBES = 50;
    private static final long PROBE_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    private static final ConcurrentHashMap<String, DiskClaim> HELD = new ConcurrentHashMap<>();

    private final String identity;
    private final Path path;
    private volatile boolean closing;

    private DiskClaim(String identity, Path path) {
        this.identity = identity;
        this.path = path;
    }

    /**
     * Claims a disk within this process; the locks between processes are taken when it is opened.
     *
     * @throws DiskRefused if this process has it already
     */
    static DiskClaim take(Path path, DiskKind kind) throws DiskRefused {
        DiskClaim claim = new DiskClaim(kind.identity(), path);
        long deadline = System.nanoTime() + CLOSING_NANOS;
        while (true) {
            DiskClaim holder = HELD.putIfAbsent(kind.identity(), claim);
            if (holder == null) {
                return claim;
            }
            if (!holder.closing) {
                throw new DiskRefused(
                        DiskRefused.Reason.IN_USE,
                        path,
                        "it is open here already, as " + holder.path + "; name each disk once");
            }
            if (System.nanoTime() - deadline > 0) {
                throw new DiskRefused(
                        DiskRefused.Reason.IN_USE,
                        path,
                        "a call to it, as " + holder.path + ", still hangs in the kernel; wait for it, or restart");
            }
            LockSupport.parkNanos(LOOK_AGAIN_NANOS);
        }
    }

    /** The disk is being closed: whoever wants it next may wait a moment. */
    void closing() {
        closing = true;
    }

    /** Everything that was opened is closed. */
    void release() {
        HELD.remove(identity, this);
    }

    /**
     * The flags with which a descriptor is to be opened so that nobody else can hold the disk exclusively; makes sure of that itself where
     * the flags cannot.
     */
    static int openFlags(Path path, DiskKind kind, FileOptions.Lock lock) throws DiskRefused {
        if (!kind.blockDevice()) {
            return 0;
        }
        return switch (lock) {
            case NONE -> 0;
            case EXCLUSIVE -> Linux.O_EXCL;
            case SHARED -> {
                probe(path);
                yield 0;
            }
        };
    }

    /** Opens exclusively and closes again. Two who probe at the same moment see each other, so both try again. */
    private static void probe(Path path) throws DiskRefused {
        for (int probe = 0; ; probe++) {
            int descriptor = Linux.open(path.toString(), Linux.O_RDONLY | Linux.O_EXCL);
            if (descriptor >= 0) {
                Linux.close(descriptor);
                return;
            }
            if (descriptor != -Linux.EBUSY || probe == PROBES) {
                throw refusal(path, -descriptor, true);
            }
            LockSupport.parkNanos(PROBE_AGAIN_NANOS);
        }
    }

    /** Locks what was opened against other processes. */
    static void lock(Path path, int descriptor, FileChannel channel, FileOptions.Lock lock) throws DiskRefused {
        if (lock == FileOptions.Lock.NONE) {
            return;
        }
        boolean shared = lock == FileOptions.Lock.SHARED;
        if (descriptor != FileCalls.NO_DESCRIPTOR) {
            int result = Linux.lockWhole(descriptor, shared);
            // A file system without locks has nobody who could hold one.
            if (result == -Linux.EAGAIN || result == -Linux.EACCES) {
                throw locked(path);
            }
        } else if (!portableLock(channel, shared)) {
            throw locked(path);
        }
    }

    private static boolean portableLock(FileChannel channel, boolean shared) {
        try {
            return channel.tryLock(Long.MAX_VALUE - 1, 1, shared) != null;
        } catch (OverlappingFileLockException here) {
            return false;
        } catch (IOException noLocksThere) {
            return true;
        }
    }

    private static DiskRefused locked(Path path) {
        return new DiskRefused(
                DiskRefused.Reason.IN_USE,
                path,
                "another process has locked it; find it with 'fuser " + path + "' and stop it first");
    }

    /** Puts an errno of open(2) into words. */
    static DiskRefused refusal(Path path, int errno, boolean readOnly) {
        return switch (errno) {
            case Linux.ENOENT ->
                new DiskRefused(DiskRefused.Reason.ABSENT, path, "there is nothing at this path; check the name");
            case Linux.EACCES, Linux.EPERM, Linux.EROFS ->
                new DiskRefused(
                        DiskRefused.Reason.FORBIDDEN,
                        path,
                        "opening it failed: " + ErrorText.of(errno)
                                + (readOnly ? "; ask its owner" : "; open it read-only, or ask its owner"));
            case Linux.EBUSY ->
                new DiskRefused(
                        DiskRefused.Reason.IN_USE,
                        path,
                        "the kernel or another process holds it (a mount, md, dm, another redoubt);"
                                + " see 'lsblk' and release it first");
            default ->
                new DiskRefused(
                        DiskRefused.Reason.FAILED,
                        path,
                        "opening it failed: " + ErrorText.of(errno) + "; see the kernel's log");
        };
    }
}
