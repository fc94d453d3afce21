package redoubt.interop;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A folder for one test, gone when closed. It lies on tmpfs where there is room, because images are large and short
 * lived, and its name is short, because a Unix socket's path ends at 107 bytes. The name tells which process made it: a
 * test process that was killed could not clean up, so the first scratch of the next one takes away what it left.
 */
public final class Scratch implements AutoCloseable {
    private static final Path SHARED_MEMORY = Path.of("/dev/shm");
    private static final long ROOM_WANTED_BYTES = 2L << 30;

    /** {@code rdt}, the process that made it, what makes it unique. */
    private static final Pattern NAME = Pattern.compile("rdt(\\d+)-\\d+");

    private static final AtomicBoolean SWEPT = new AtomicBoolean();

    private final Path folder;

    private Scratch(Path folder) {
        this.folder = folder;
    }

    public static Scratch make() {
        try {
            Path elsewhere = Path.of(System.getProperty("java.io.tmpdir"));
            if (SWEPT.compareAndSet(false, true)) {
                sweep(SHARED_MEMORY);
                sweep(elsewhere);
            }
            boolean roomy = Files.isWritable(SHARED_MEMORY)
                    && Files.getFileStore(SHARED_MEMORY).getUsableSpace() >= ROOM_WANTED_BYTES;
            return new Scratch(
                    Files.createTempDirectory(roomy ? SHARED_MEMORY : elsewhere, prefix(ProcessHandle.current())));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** How the names of a process's folders begin. */
    static String prefix(ProcessHandle process) {
        return "rdt" + process.pid() + "-";
    }

    /** Removes the scratch folders here whose process is gone. What cannot be removed, for it is somebody else's or mounted, stays. */
    static void sweep(Path parent) {
        if (!Files.isDirectory(parent)) {
            return;
        }
        try (DirectoryStream<Path> left = Files.newDirectoryStream(parent, Scratch::isAbandoned)) {
            left.forEach(folder -> {
                try {
                    remove(folder);
                } catch (IOException stays) {
                    System.err.printf("%s is left over and cannot be removed: %s%n", folder, stays.getMessage());
                }
            });
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean isAbandoned(Path folder) {
        Matcher name = NAME.matcher(folder.getFileName().toString());
        return name.matches()
                && Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)
                && ProcessHandle.of(Long.parseLong(name.group(1)))
                        .filter(ProcessHandle::isAlive)
                        .isEmpty();
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
            remove(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void remove(Path folder) throws IOException {
        Files.walkFileTree(folder, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.deleteIfExists(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path visited, @Nullable IOException failure) throws IOException {
                Files.deleteIfExists(visited);
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
