package redoubt.bench;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.SplittableRandom;

/** Files for servers to serve. */
final class MemberFile {

    private static final int PIECE_BYTES = 1 << 20;

    private MemberFile() {}

    /** Makes a file of this size without content. */
    static void make(Path path, long bytes) throws IOException {
        try (FileChannel file = FileChannel.open(
                path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.READ)) {
            file.write(ByteBuffer.allocate(1), bytes - 1);
        }
    }

    /**
     * Makes a file of this size whose content is noise: servers that look for zeroes find none.
     *
     * @param seed the same seed makes the same content
     */
    static void makeNoise(Path path, long bytes, long seed) throws IOException {
        SplittableRandom random = new SplittableRandom(seed);
        ByteBuffer piece = ByteBuffer.allocateDirect(PIECE_BYTES);
        try (FileChannel file = FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            for (long at = 0; at < bytes; at += piece.limit()) {
                piece.clear();
                while (piece.hasRemaining()) {
                    piece.putLong(random.nextLong());
                }
                piece.flip().limit((int) Math.min(PIECE_BYTES, bytes - at));
                while (piece.hasRemaining()) {
                    file.write(piece);
                }
            }
        }
    }
}
