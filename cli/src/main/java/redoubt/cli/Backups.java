package redoubt.cli;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import redoubt.assembly.Backup;

/** Where backups of overwritten metadata are kept: {@code $XDG_STATE_HOME/redoubt/backups}, or root's and a user's usual places. */
final class Backups {

    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss", Locale.ROOT).withZone(ZoneOffset.UTC);

    private Backups() {}

    static Path directory(Console console) {
        String state = console.environment().getOrDefault("XDG_STATE_HOME", "");
        if (!state.isEmpty()) {
            return Path.of(state, "redoubt", "backups");
        }
        if (System.getProperty("user.name", "").equals("root")) {
            return Path.of("/var/lib/redoubt/backups");
        }
        return Path.of(System.getProperty("user.home", "."), ".local", "state", "redoubt", "backups");
    }

    /**
     * Keeps a backup, durably, and says at once where it is, for what comes may go wrong.
     *
     * @param json whether stdout is for a document, and this for stderr
     * @return its file
     */
    static Path keep(Console console, Backup backup, String what, boolean json) throws IOException {
        Path file = write(console, backup);
        String sentence = what + ": " + file;
        if (json) {
            console.say(sentence);
        } else {
            console.print(sentence);
        }
        return file;
    }

    private static Path write(Console console, Backup backup) throws IOException {
        Path directory = Files.createDirectories(
                directory(console), PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        String disk = Served.nodeName(Path.of(backup.location()).getFileName().toString());
        String time = TIME.format(Instant.ofEpochSecond(backup.epochSeconds()));
        for (int number = 0; ; number++) {
            Path file = directory.resolve("%s-%s%s.backup".formatted(disk, time, number == 0 ? "" : "-" + number));
            try (FileChannel channel =
                    FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                ByteBuffer bytes = ByteBuffer.wrap(backup.toBytes());
                while (bytes.hasRemaining()) {
                    channel.write(bytes);
                }
                channel.force(true);
                return file;
            } catch (java.nio.file.FileAlreadyExistsException taken) {
                if (number > 1000) {
                    throw taken;
                }
            }
        }
    }
}
