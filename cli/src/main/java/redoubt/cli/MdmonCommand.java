package redoubt.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import redoubt.base.Clock;
import redoubt.base.Threads;
import redoubt.mdmon.Mdmon;
import redoubt.metadata.imsm.ImsmFormat;

/** {@code redoubt mdmon}: keeps the metadata of a container that {@code serve --keeper external} serves. */
@Command(
        name = "mdmon",
        header = "Keeps the metadata of a served container, as mdmon does for Linux.",
        sortOptions = false,
        description = {
            "",
            "Keeps the Intel metadata of a container that 'redoubt serve --keeper external' serves: marks it dirty before the first"
                    + " write is let go, clean when nothing is written, and records members that fail. It reaches attributes and disks"
                    + " through the server only, and needs no right to the disks.",
            "",
            "One daemon keeps the metadata at a time; another one waits and follows. On SIGTERM it has the arrays become clean,"
                    + " and leaves; one that is kept busy is left to the server after half a minute. It ends with 0 then, and when the"
                    + " arrays are stopped; with 75 when it missed the server's deadline, or the server is gone: start another one then"
                    + " (systemd: Restart=on-failure).",
            "",
            "In its run directory are the pid file and the command socket of mdmon, CONTAINER.pid and CONTAINER.sock.",
            "",
            "With --exec the unmodified mdmon of mdadm keeps the metadata of arrays that 'redoubt serve --keeper external --mount"
                    + " DIR' serves. It runs in a mount namespace of its own, where it finds the attributes of DIR in place of the"
                    + " kernel's, and loop devices in place of the disks, through which it reads all and writes metadata only."
                    + " This takes root, and loop devices. The process becomes the daemon: SIGTERM ends it as mdmon ends, and nothing is left"
                    + " however it ends. Its socket is /proc/PID/root/run/mdadm/CONTAINER.sock."
        },
        footer = {
            "",
            "Examples:",
            "  redoubt serve --keeper external a.img b.img &",
            "  redoubt mdmon md127 &",
            "  redoubt mdmon --control /run/redoubt/vol0.sock vol0",
            "  redoubt mdmon --exec /sbin/mdmon --mount /mnt/raid md127"
        })
final class MdmonCommand extends Verb {

    private static final long ANSWER_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(20);
    private static final long BUSY_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(30);
    private static final String SOCKET_SUFFIX = ".sock";

    @Mixin
    private Served served = new Served();

    @Option(
            names = "--run-dir",
            paramLabel = "DIR",
            description =
                    "Where the pid file and the command socket are. Default: next to the control socket, with .mdmon"
                            + " in the place of .sock.")
    private Optional<Path> runDirectory = Optional.empty();

    @Option(
            names = "--exec",
            paramLabel = "PROGRAM",
            description = "Become this daemon instead, such as /sbin/mdmon; with --mount.")
    private Optional<Path> program = Optional.empty();

    @Option(
            names = "--mount",
            paramLabel = "DIR",
            description = "With --exec: where 'serve' shows the attributes as files.")
    private Optional<Path> mount = Optional.empty();

    @Parameters(paramLabel = "CONTAINER", description = "The container, such as md127, or one of its arrays.")
    private String container = "";

    MdmonCommand(Console console) {
        super(console);
    }

    @Override
    int run() throws Refused, IOException {
        if (program.isPresent() != mount.isPresent()) {
            throw new Refused(
                    ExitCode.USAGE, "--exec and --mount go together; without them this daemon needs --control at most");
        }
        if (program.isPresent() && mount.isPresent()) {
            throw ForeignMdmon.become(program.get(), mount.get(), container);
        }
        Served.Container found = served.container(container);
        return StopSignal.during(console(), signal -> keep(found, signal));
    }

    private int keep(Served.Container found, StopSignal signal) throws Refused, IOException {
        ServiceManager manager = new ServiceManager(console());
        Mdmon.Terms terms = new Mdmon.Terms(
                found.name(), ownName(), runDirectory.orElseGet(() -> beside(found.socket())), BUSY_LIMIT_NANOS);
        try {
            Mdmon daemon = Mdmon.enter(
                    terms,
                    new ImsmFormat(),
                    new SocketEngine(found.socket(), ANSWER_LIMIT_NANOS),
                    Clock.system(),
                    console()::say);
            Threads.start("mdmon-signal", () -> {
                signal.await();
                daemon.terminate();
            });
            return exitCode(daemon.run(() -> {
                console().print("%s is kept by %s".formatted(found.name(), terms.name()));
                console().out().flush();
                manager.ready("keeping " + found.name());
            }));
        } catch (Mdmon.Refused refused) {
            throw new Refused(ExitCode.TRY_AGAIN, refused.sentence());
        }
    }

    private static int exitCode(Mdmon.End end) throws Refused {
        return switch (end) {
            case LEFT, STOPPED -> ExitCode.DONE.number();
            case FENCED ->
                throw new Refused(
                        ExitCode.TRY_AGAIN,
                        "this daemon missed its deadline, and the server keeps the metadata now; start another one");
            case ENGINE_GONE -> throw new Refused(ExitCode.TRY_AGAIN, "the server is gone, or does not answer");
            case CANNOT_WRITE ->
                throw new Refused(
                        ExitCode.TRY_AGAIN,
                        "the metadata of a member cannot be kept from here; the server keeps it now");
        };
    }

    /** A process id comes again, with another time. */
    private static String ownName() {
        ProcessHandle self = ProcessHandle.current();
        return self.pid() + "."
                + self.info().startInstant().map(Instant::toEpochMilli).orElse(0L);
    }

    private static Path beside(Path socket) {
        String name = String.valueOf(socket.toAbsolutePath().getFileName());
        String stem = name.endsWith(SOCKET_SUFFIX) ? name.substring(0, name.length() - SOCKET_SUFFIX.length()) : name;
        return socket.toAbsolutePath().resolveSibling(stem + ".mdmon");
    }
}
