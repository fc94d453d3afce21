package redoubt.block;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Objects;

/**
 * What stands at a path, found out without opening it: opening a FIFO waits for its other end, and opening a device node may do
 * anything. Symbolic links are followed.
 *
 * @param blockDevice a block device, or else a regular file
 * @param identity the same for every path that leads to the same disk, as far as this machine can tell
 * @param deviceNumber of a block device, as stat(2) gives it; 0 for a file
 */
record DiskKind(boolean blockDevice, String identity, long deviceNumber) {

    private static final int TYPE_MASK = 0xF000;
    private static final int FIFO = 0x1000;
    private static final int CHARACTER_DEVICE = 0x2000;
    private static final int BLOCK_DEVICE = 0x6000;
    private static final int SOCKET = 0xC000;

    /** Looks. */
    static DiskKind of(Path path) throws DiskRefused {
        try {
            BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
            if (attributes.isRegularFile()) {
                Object key = attributes.fileKey();
                return new DiskKind(
                        false, "file " + Objects.requireNonNullElseGet(key, () -> path.toAbsolutePath()), 0);
            }
            if (attributes.isDirectory()) {
                throw notADisk(path, "a directory");
            }
            int type = (int) Files.getAttribute(path, "unix:mode") & TYPE_MASK;
            if (type == BLOCK_DEVICE) {
                long number = (long) Files.getAttribute(path, "unix:rdev");
                return new DiskKind(true, "device " + numbers(number), number);
            }
            throw notADisk(
                    path,
                    switch (type) {
                        case FIFO -> "a FIFO";
                        case CHARACTER_DEVICE -> "a character device";
                        case SOCKET -> "a socket";
                        default -> "something unknown";
                    });
        } catch (UnsupportedOperationException notUnix) {
            throw notADisk(path, "no regular file");
        } catch (IOException failed) {
            throw refusal(path, failed);
        }
    }

    /** Major and minor number, as {@code /sys/dev/block} spells them. */
    static String numbers(long device) {
        long major = ((device >>> 8) & 0xFFF) | ((device >>> 32) & ~0xFFFL);
        long minor = (device & 0xFF) | ((device >>> 12) & ~0xFFL);
        return major + ":" + minor;
    }

    private static DiskRefused notADisk(Path path, String what) {
        return new DiskRefused(
                DiskRefused.Reason.NOT_A_DISK, path, "it is " + what + "; give a regular file or a block device");
    }

    /** Puts a failure to open into words. */
    static DiskRefused refusal(Path path, Exception failed) {
        if (failed instanceof NoSuchFileException) {
            return new DiskRefused(DiskRefused.Reason.ABSENT, path, "there is nothing at this path; check the name");
        }
        if (failed instanceof AccessDeniedException) {
            return new DiskRefused(
                    DiskRefused.Reason.FORBIDDEN, path, "you may not open it; open it read-only, or ask its owner");
        }
        return new DiskRefused(
                DiskRefused.Reason.FAILED,
                path,
                "opening it failed: " + failed.getMessage() + "; see the kernel's log");
    }
}
