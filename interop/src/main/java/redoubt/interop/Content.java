package redoubt.interop;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * What a volume holds in a test. Every 4 KiB block says which block it is, so that one that landed elsewhere, or that
 * belongs to an earlier writing, is recognised at a glance: 256 times the block number, then 256 times that number
 * multiplied by an odd constant, both little-endian. A writing other than the first has its number in the top bits.
 */
public final class Content {
    public static final int BLOCK_BYTES = 4096;

    private static final long ODD_CONSTANT = 0x9E3779B97F4A7C15L;
    private static final int WRITING_SHIFT = 48;
    private static final int BUFFER_BYTES = 1 << 20;

    private Content() {}

    /** Fills a file with the pattern of the given writing, 0 being the first; returns the file. */
    public static Path pattern(Path file, long bytes, int writing) {
        try (FileChannel channel = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
            long number = (long) writing << WRITING_SHIFT;
            for (long left = bytes; left > 0; left -= buffer.limit()) {
                buffer.clear();
                while (buffer.hasRemaining()) {
                    putBlock(buffer, number++);
                }
                buffer.flip().limit((int) Math.min(left, BUFFER_BYTES));
                while (buffer.hasRemaining()) {
                    channel.write(buffer);
                }
            }
            return file;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void putBlock(ByteBuffer buffer, long number) {
        int half = BLOCK_BYTES / 2 / Long.BYTES;
        for (int i = 0; i < half; i++) {
            buffer.putLong(number);
        }
        for (int i = 0; i < half; i++) {
            buffer.putLong(number * ODD_CONSTANT);
        }
    }

    /** The SHA-256 of a whole file or block device, in hexadecimal. */
    public static String sha256(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            byte[] buffer = new byte[BUFFER_BYTES];
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                digest.update(buffer, 0, n);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java has SHA-256
        }
    }
}
