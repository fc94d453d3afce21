package redoubt.cli;

import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code redoubt mdmon}: keeps the metadata of an array that is served with {@code --keeper external}. */
@Command(
        name = "mdmon",
        header = "Keeps the metadata of a served container, as another system's daemon.",
        sortOptions = false,
        description = {
            "",
            "With --exec the unmodified mdmon of mdadm keeps the metadata of arrays that 'redoubt serve --keeper external --mount"
                    + " DIR' serves. It runs in a mount namespace of its own, where it finds the attributes of DIR in place of the"
                    + " kernel's, and loop devices in place of the disks, through which it reads all and writes metadata only."
                    + " This takes root, and loop devices. The process becomes the daemon: SIGTERM ends it as mdmon ends, and nothing is left"
                    + " however it ends. Its socket is /proc/PID/root/run/mdadm/CONTAINER.sock.",
        },
        footer = {"", "Examples:", "  redoubt mdmon --exec /sbin/mdmon --mount /mnt/raid md127"})
final class MdmonCommand extends Verb {

    @Option(
            names = "--exec",
            required = true,
            paramLabel = "PROGRAM",
            description = "The daemon's program, such as /sbin/mdmon.")
    private Path program = Path.of("");

    @Option(
            names = "--mount",
            required = true,
            paramLabel = "DIR",
            description = "Where 'serve' shows the attributes as files.")
    private Path mount = Path.of("");

    @Parameters(index = "0", paramLabel = "CONTAINER", description = "The container's name there: md127.")
    private String container = "";

    MdmonCommand(Console console) {
        super(console);
    }

    @Override
    int run() throws Refused, IOException {
        throw ForeignMdmon.become(program, mount, container);
    }
}
