package redoubt.control;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import redoubt.base.FileOwner;

/**
 * Where the control socket of an array is when nobody says: {@code /run/redoubt/NAME.sock} for root, else
 * {@code $XDG_RUNTIME_DIR/redoubt/NAME.sock}, else a directory of one's own under the temporary one.
 */
public final class ControlPath {

    /** Longest path of a Unix socket: the kernel's 108 bytes with the zero at the end. */
    public static final int SOCKET_PATH_LIMIT_BYTES = 107;

    private static final String SUFFIX = ".sock";

    private ControlPath() {}

    /**
     * The directory of a user's sockets.
     *
     * @param user login name
     * @param runtimeDirectory {@code $XDG_RUNTIME_DIR}, if set
     * @param temporaryDirectory where everybody may make directories
     */
    public static Path directory(String user, @Nullable String runtimeDirectory, Path temporaryDirectory) {
        if (user.equals("root")) {
            return Path.of("/run/redoubt");
        }
        if (runtimeDirectory != null && !runtimeDirectory.isEmpty()) {
            return Path.of(runtimeDirectory, "redoubt");
        }
        return temporaryDirectory.resolve("redoubt-" + user);
    }

    /** The directory of whoever runs this process. */
    public static Path directory() {
        return directory(
                System.getProperty("user.name", "nobody"),
                System.getenv("XDG_RUNTIME_DIR"),
                Path.of(System.getProperty("java.io.tmpdir", "/tmp")));
    }

    /** The socket of the array of that name. */
    public static Path of(Path directory, String array) {
        return directory.resolve(fileName(array) + SUFFIX);
    }

    /** An array's name as a file name: what is not a letter, a digit or one of {@code . _ -} is written {@code %XX}. */
    static String fileName(String array) {
        StringBuilder name = new StringBuilder();
        for (byte b : array.getBytes(StandardCharsets.UTF_8)) {
            boolean plain = (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') || b == '_';
            plain |= (b == '.' || b == '-') && !name.isEmpty();
            if (plain) {
                name.append((char) b);
            } else {
                name.append("%%%02X".formatted(b & 0xFF));
            }
        }
        return name.toString();
    }

    /** A directory of sockets in which somebody else may put his own, and be taken for a server of ours. */
    public static final class Untrusted extends IOException {
        private static final long serialVersionUID = 1;

        private Untrusted(Path directory, String because) {
            super(
                    "'%s' %s, so whoever answers there may be anybody; remove it, or name a socket elsewhere with --control"
                            .formatted(directory, because));
        }
    }

    /**
     * Makes the directory, for its owner only, if it is not there.
     *
     * @throws Untrusted if it is there, and not one's own alone
     */
    public static void make(Path directory) throws IOException {
        if (!Files.exists(directory, LinkOption.NOFOLLOW_LINKS)) {
            Files.createDirectories(
                    directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        }
        check(directory);
    }

    /**
     * Checks that only its owner, who is the user of this process, can put a socket into a directory. One that is not there is fine.
     *
     * @throws Untrusted if not
     */
    public static void check(Path directory) throws IOException {
        if (!Files.exists(directory, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
            throw new Untrusted(directory, "is a link, or no directory");
        }
        if (!FileOwner.isUs(directory)) {
            throw new Untrusted(directory, "belongs to " + FileOwner.name(directory));
        }
        Set<PosixFilePermission> mode = Files.getPosixFilePermissions(directory, LinkOption.NOFOLLOW_LINKS);
        if (mode.contains(PosixFilePermission.GROUP_WRITE) || mode.contains(PosixFilePermission.OTHERS_WRITE)) {
            throw new Untrusted(directory, "may be written to by others");
        }
    }

    /** The sockets in a directory, by name; other names of the same socket (links) are left out. */
    public static List<Path> sockets(Path directory) {
        List<Path> found = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*" + SUFFIX)) {
            for (Path file : files) {
                if (Files.readAttributes(
                                file, java.nio.file.attribute.BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                        .isOther()) {
                    found.add(file);
                }
            }
        } catch (IOException absent) {
            return List.of();
        }
        Collections.sort(found);
        return found;
    }
}
