package redoubt.block;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;

/** Finds out what an open file or block device can do. */
final class FileLimits {

    private static final int MAX_TRANSFER_BYTES = 1 << 25;
    private static final int PAGE_BYTES = 4096;
    private static final int FILE_BLOCK_BYTES = 512;

    private FileLimits() {}

    static BlockLimits of(Path path, DiskKind kind, int descriptor, FileChannel channel, FileOptions options)
            throws IOException, DiskRefused {
        boolean linux = descriptor != FileCalls.NO_DESCRIPTOR;
        boolean device = kind.blockDevice() && linux;
        int blockBytes = options.blockBytes() != 0 ? options.blockBytes() : FILE_BLOCK_BYTES;
        if (device) {
            int own = Linux.deviceBlockBytes(descriptor);
            if (own > blockBytes && Integer.bitCount(own) == 1) {
                blockBytes = own; // it cannot take less
            }
        }
        long size = device ? Linux.deviceBytes(descriptor) : channel.size();
        if (size < 0) {
            throw new DiskRefused(DiskRefused.Reason.FAILED, path, "its size cannot be learnt; see the kernel's log");
        }
        size &= -blockBytes;
        boolean zeroes =
                device ? queue(kind, "write_zeroes_max_bytes") > 0 : linux && punches(descriptor, size, options);
        if (linux && !options.readOnly()) {
            rehearse(descriptor, size);
        }
        return new BlockLimits(
                size,
                blockBytes,
                Math.max(blockBytes, PAGE_BYTES),
                MAX_TRANSFER_BYTES,
                options.readOnly(),
                zeroes,
                zeroes,
                device && queue(kind, "rotational") == 1);
    }

    /** Tries to punch a hole behind the end of the file, where there is nothing: the file system says whether it could. */
    private static boolean punches(int descriptor, long size, FileOptions options) {
        int mode = Linux.FALLOC_PUNCH_HOLE | Linux.FALLOC_KEEP_SIZE;
        return !options.readOnly()
                && Linux.fallocate(Linux.newReason(), descriptor, mode, size + PAGE_BYTES, PAGE_BYTES) == 0;
    }

    /**
     * Asks for what Linux refuses before it looks at the file, a hole that may change the size: nothing is left to be linked at the first
     * zeroes, which are asked for here whatever the limits say.
     */
    private static void rehearse(int descriptor, long size) {
        int ignored =
                Linux.fallocate(Linux.newReason(), descriptor, Linux.FALLOC_PUNCH_HOLE, size + PAGE_BYTES, PAGE_BYTES);
    }

    /** A number that the kernel says of a device's queue; a partition has that of its disk. 0 if it does not say. */
    private static long queue(DiskKind kind, String what) {
        Path device = Path.of("/sys/dev/block", DiskKind.numbers(kind.deviceNumber()));
        Path own = device.resolve("queue").resolve(what);
        Path disks = device.resolve("../queue").resolve(what);
        try {
            return Long.parseLong(
                    Files.readString(Files.exists(own) ? own : disks).strip());
        } catch (IOException | NumberFormatException notSaid) {
            return 0;
        }
    }
}
