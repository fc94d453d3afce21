package redoubt.interop;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;

/**
 * Writes the archive that a Linux kernel unpacks as its first root: the "new ASCII" form of cpio. An entry is a header
 * of 110 characters (the magic and thirteen numbers of eight hexadecimal digits), the name with a NUL, the data; name
 * and data are each filled up with NULs to a multiple of 4.
 */
final class CpioArchive implements AutoCloseable {
    private static final int HEADER_BYTES = 110;
    private static final int FOLDER = 0040755;
    private static final int PROGRAM = 0100755;
    private static final int SYMBOLIC_LINK = 0120777;

    private final OutputStream out;
    private final Set<String> written = new HashSet<>();
    private int inode = 1;

    CpioArchive(Path file) throws IOException {
        out = new BufferedOutputStream(Files.newOutputStream(file), 1 << 20);
    }

    /** A folder, and those above it where they are not there yet. */
    void folder(String path) throws IOException {
        String name = inArchive(path);
        int parentEnd = name.lastIndexOf('/');
        if (parentEnd > 0) {
            folder(name.substring(0, parentEnd));
        }
        if (!name.isEmpty() && written.add(name)) {
            entry(name, FOLDER, new byte[0]);
        }
    }

    /** A file that may be executed. */
    void file(String path, byte[] content) throws IOException {
        put(path, PROGRAM, content);
    }

    void link(String path, String target) throws IOException {
        put(path, SYMBOLIC_LINK, target.getBytes(StandardCharsets.UTF_8));
    }

    boolean has(String path) {
        return written.contains(inArchive(path));
    }

    private void put(String path, int mode, byte[] content) throws IOException {
        String name = inArchive(path);
        int parentEnd = name.lastIndexOf('/');
        if (parentEnd > 0) {
            folder(name.substring(0, parentEnd));
        }
        if (written.add(name)) {
            entry(name, mode, content);
        }
    }

    private void entry(String name, int mode, byte[] content) throws IOException {
        byte[] nameBytes = name.getBytes(StandardCharsets.UTF_8);
        int links = mode == FOLDER ? 2 : 1;
        // magic, inode, mode, uid, gid, links, mtime, size, device (2), special device (2), name size, checksum
        String header = "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X"
                .formatted(inode++, mode, 0, 0, links, 0, content.length, 0, 0, 0, 0, nameBytes.length + 1, 0);
        out.write(header.getBytes(StandardCharsets.US_ASCII));
        out.write(nameBytes);
        out.write(new byte[1 + fill(HEADER_BYTES + nameBytes.length + 1)]);
        out.write(content);
        out.write(new byte[fill(content.length)]);
    }

    private static int fill(int length) {
        return -length & 3;
    }

    private static String inArchive(String path) {
        return path.startsWith("/") ? path.substring(1) : path;
    }

    @Override
    public void close() throws IOException {
        entry("TRAILER!!!", 0, new byte[0]);
        out.close();
    }
}
