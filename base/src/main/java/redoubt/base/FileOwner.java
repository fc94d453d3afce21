package redoubt.base;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributeView;

/** Whose a file is: ours, or somebody else's. */
public final class FileOwner {

    private static final Path SELF = Path.of("/proc/self");
    private static final String UID = "unix:uid";

    private FileOwner() {}

    /** Whether a file, not what it links to, belongs to the user of this process. Where files have no such owner, all are ours. */
    public static boolean isUs(Path file) throws IOException {
        if (Files.getFileAttributeView(file, PosixFileAttributeView.class) == null) {
            return true;
        }
        if (Files.exists(SELF)) {
            return Files.getAttribute(SELF, UID).equals(Files.getAttribute(file, UID, LinkOption.NOFOLLOW_LINKS));
        }
        return name(file).equals(System.getProperty("user.name"));
    }

    /** The owner's name, or number where he has no name. */
    public static String name(Path file) throws IOException {
        return Files.getOwner(file, LinkOption.NOFOLLOW_LINKS).getName();
    }
}
