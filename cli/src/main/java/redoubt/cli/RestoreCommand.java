package redoubt.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import redoubt.assembly.AssemblyRefused;
import redoubt.assembly.Backup;
import redoubt.assembly.Disk;
import redoubt.base.Clock;
import redoubt.metadata.imsm.ImsmFormat;

/** {@code redoubt restore}: writes back metadata that was overwritten. */
@Command(
        name = "restore",
        header = "Writes back metadata that was overwritten.",
        sortOptions = false,
        description = {
            "",
            "Puts what 'redoubt create' saved before it overwrote a disk back to where it stood: the metadata and the first"
                    + " 64 KiB. Data that was overwritten since is not in a backup. What stands there now is saved first, and where"
                    + " to is printed.",
            "",
            "A backup of a disk of another size is refused (77), and so is one of a disk that was elsewhere, unless --moved says"
                    + " that it is the same disk."
        },
        footer = {"", "Example:", "  redoubt restore disk0.img-20260102-120000.backup disk0.img"})
final class RestoreCommand extends Verb {

    private static final long FILE_LIMIT_BYTES = 32L << 20;

    @Option(names = "--json", description = "Print a JSON document.")
    private boolean json;

    @Option(names = "--moved", description = "It is the same disk, at another place than then.")
    private boolean moved;

    @Option(
            names = "--timeout",
            paramLabel = "TIME",
            defaultValue = "60s",
            description = "How long the disk may take over one request. Default: ${DEFAULT-VALUE}")
    private String timeout = "";

    @Parameters(index = "0", paramLabel = "BACKUP", description = "The file that create has named.")
    private Path backup = Path.of("");

    @Parameters(index = "1", paramLabel = "DISK", description = "The disk.")
    private String disk = "";

    RestoreCommand(Console console) {
        super(console);
    }

    /**
     * What was put back.
     *
     * @param path the disk
     * @param time of what when it is again
     * @param backup the file that has what stood there until now
     */
    record Document(Json.OutputVersion outputVersion, String path, String time, String backup) {}

    @Override
    int run() throws Refused, IOException {
        Disk target = Engine.disks(List.of(disk)).getFirst();
        try (Engine engine = new Engine()) {
            if (Files.isDirectory(backup) || backup.toString().isEmpty()) {
                throw new Refused(ExitCode.USAGE, "'" + backup + "' is no backup; name the file that create has named");
            }
            if (Files.size(backup) > FILE_LIMIT_BYTES) {
                throw new Refused(ExitCode.NO_ARRAY, "'" + backup + "' is too large to be a backup of Redoubt's");
            }
            Backup saved = Backup.ofBytes(Files.readAllBytes(backup), backup.toString());
            refuseAnotherDisk(saved, target);
            List<String> kept = new ArrayList<>();
            long now = Clock.system().wallTime().getEpochSecond();
            saved.restore(
                    target,
                    new ImsmFormat(),
                    engine.opener(),
                    Seconds.parse(timeout),
                    now,
                    until -> kept.add(Backups.keep(console(), until, "backup of what stood there until now", json)
                            .toString()));
            String time = Instant.ofEpochSecond(saved.epochSeconds()).toString();
            if (json) {
                Json.print(
                        console().out(),
                        new Document(Json.OutputVersion.of("restore"), target.location(), time, kept.getFirst()));
            } else {
                console().print("%s is as it was on %s".formatted(target.location(), time));
            }
            return ExitCode.DONE.number();
        } catch (AssemblyRefused refused) {
            throw Engine.refused(refused);
        }
    }

    /** Disks of one model have one size, so a backup that went to the wrong one would be taken. */
    private void refuseAnotherDisk(Backup saved, Disk target) throws Refused {
        Path then = Path.of(saved.location()).toAbsolutePath().normalize();
        Path now = Path.of(target.location()).toAbsolutePath().normalize();
        if (!then.equals(now) && !moved) {
            throw new Refused(
                    ExitCode.REFUSED,
                    "the backup is of '%s', and this is '%s'; if it is the same disk, insist with --moved"
                            .formatted(then, now));
        }
    }
}
