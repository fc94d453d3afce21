package redoubt.interop;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import org.jspecify.annotations.Nullable;

/**
 * A folder for one test, gone when closed. It lies on tmpfs where there is room, because images are large and short
 * lived, and its name is short, because a Unix socket's path ends at 107 bytes.
 */
public final class Scratch implements AutoCloseable {
    private static final Path SHARED_MEMORY = Path.of("/dev/shm");
    private static final long ROOM_WANTED_BYTES = 2L << 30;

    private final Path folder;

    private Scratch(Path folder) {
        this.folder = folder;
    }

    public static Scratch make() {
        try {
            boolean roomy = Files.isWritable(SHARED_MEMORY)
                    && Files.getFileStore(SHARED_MEMORY).getUsableSpace() >= ROOM_WANTED_BYTES;
            return new Scratch(
                    roomy ? Files.createTempDirectory(SHARED_MEMORY, "rdt") : Files.createTempDirectory("rdt"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public Path folder() {
        return folder;
    }

    public Path file(String name) {
        return folder.resolve(name);
    }

    /** A new file of this size that takes no room until written. */
    public Path sparse(String name, long bytes) {
        Path file = folder.resolve(name);
        try (var made = new RandomAccessFile(file.toFile(), "rw")) {
            made.setLength(bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return file;
    }

    @Override
    public void close() {
        try {
            Files.walkFileTree(folder, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    Files.deleteIfExists(file);
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult postVisitDirectory(Path visited, @Nullable IOException failure)
                        throws IOException {
                    Files.deleteIfExists(visited);
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
