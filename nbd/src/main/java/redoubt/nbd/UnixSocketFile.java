package redoubt.nbd;

import java.io.IOException;
import java.net.BindException;
import java.net.ConnectException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import org.jspecify.annotations.Nullable;
import redoubt.base.FileOwner;

/**
 * The file of a Unix socket, which only its owner may open, from its first moment on. Binding makes the file with whatever mode the
 * process has; so it is bound inside a directory that nobody else may enter, given its mode there, and then linked to its
 * place. A link, unlike a rename, does not replace what somebody else has put there meanwhile.
 *
 * <p>What lies in the place before is removed only if it is a socket of our own user that nobody answers on.
 *
 * @param path the place
 * @param identity which file it is, so that only that one is removed in the end; null where the file system cannot tell
 */
record UnixSocketFile(Path path, @Nullable Object identity) {

    private static final int BACKLOG = 1024;

    /** Makes the file; {@code server} listens on it afterwards. */
    static UnixSocketFile bind(ServerSocketChannel server, Path path) throws IOException {
        Path place = path.toAbsolutePath();
        removeStale(place);
        Path parent = place.getParent();
        if (parent == null) {
            throw new IOException("a socket cannot be at " + path);
        }
        Path hidden = Files.createTempDirectory(
                parent, ".", PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        Path made = hidden.resolve("s");
        try {
            server.bind(UnixDomainSocketAddress.of(made), BACKLOG);
            Files.setPosixFilePermissions(made, PosixFilePermissions.fromString("rw-------"));
            Files.createLink(place, made);
        } catch (FileAlreadyExistsException taken) {
            throw new BindException("somebody else has just made " + path);
        } finally {
            Files.deleteIfExists(made);
            Files.delete(hidden);
        }
        return new UnixSocketFile(place, attributes(place).fileKey());
    }

    private static BasicFileAttributes attributes(Path path) throws IOException {
        return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    }

    private static void removeStale(Path path) throws IOException {
        BasicFileAttributes there;
        try {
            there = attributes(path);
        } catch (NoSuchFileException free) {
            return;
        }
        if (!there.isOther()) {
            throw new BindException(path + " exists and is no socket; it is left alone");
        }
        if (somebodyAnswers(path)) {
            throw new BindException("another server listens on " + path);
        }
        if (!FileOwner.isUs(path)) {
            throw new BindException(
                    "%s is a socket that %s left behind; it is left alone: let its owner remove it, or listen elsewhere"
                            .formatted(path, FileOwner.name(path)));
        }
        Files.delete(path);
    }

    private static boolean somebodyAnswers(Path path) throws IOException {
        try (SocketChannel probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            probe.configureBlocking(false);
            try {
                probe.connect(UnixDomainSocketAddress.of(path));
                return true;
            } catch (ConnectException refused) {
                return false; // which a socket without a server says; a full queue is somebody
            } catch (IOException other) {
                return true;
            }
        }
    }

    /** Takes the file away, unless another has taken its place. */
    void remove() throws IOException {
        try {
            if (identity == null || identity.equals(attributes(path).fileKey())) {
                Files.deleteIfExists(path);
            }
        } catch (NoSuchFileException goneAlready) {
            return;
        }
    }
}
