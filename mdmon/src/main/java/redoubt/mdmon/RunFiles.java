package redoubt.mdmon;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import redoubt.control.ControlPath;

/**
 * By what others find a daemon: {@code md127.pid}, which holds its process id, and the place of its command socket, {@code md127.sock}. What a
 * daemon left that does not answer any more is taken away. Where mdmon leaves both behind when it ends on SIGTERM, these are removed, if they
 * are still one's own.
 */
final class RunFiles implements AutoCloseable {

    private final Path pid;
    private final Path socket;
    private final String content;

    private RunFiles(Path pid, Path socket, String content) {
        this.pid = pid;
        this.socket = socket;
        this.content = content;
    }

    /**
     * Makes the pid file.
     *
     * @throws Mdmon.Refused if another daemon is there
     */
    static RunFiles make(Path directory, String container) throws Mdmon.Refused, IOException {
        ControlPath.make(directory);
        Path pid = directory.resolve(container + ".pid");
        Path socket = directory.resolve(container + ".sock");
        if (Files.exists(pid)) {
            if (CommandSocket.answers(socket)) {
                throw new Mdmon.Refused("a daemon keeps '%s' already: process %s"
                        .formatted(container, Files.readString(pid, US_ASCII).strip()));
            }
            Files.deleteIfExists(pid);
        }
        Files.deleteIfExists(socket);
        String content = ProcessHandle.current().pid() + "\n";
        try {
            Files.createFile(pid, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        } catch (FileAlreadyExistsException another) {
            throw new Mdmon.Refused("another daemon for '%s' comes at this moment".formatted(container));
        }
        Files.writeString(pid, content, US_ASCII, StandardOpenOption.WRITE);
        return new RunFiles(pid, socket, content);
    }

    Path socket() {
        return socket;
    }

    @Override
    public void close() throws IOException {
        try {
            if (Files.readString(pid, US_ASCII).equals(content)) {
                Files.deleteIfExists(socket);
                Files.deleteIfExists(pid);
            }
        } catch (NoSuchFileException removedByAnother) {
            return;
        }
    }
}
