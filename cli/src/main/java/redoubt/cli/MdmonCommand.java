package redoubt.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import redoubt.base.Clock;
import redoubt.base.ThreadHeartbeat;
import redoubt.base.Threads;
import redoubt.control.Attributes;
import redoubt.control.MountAttributes;
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
                    + " through the server only, and needs no right to the disks: over its control socket and NBD, or with --mount DIR through"
                    + " the files that 'redoubt serve --keeper external --mount DIR' shows, which takes root.",
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
            "  redoubt mdmon --mount /mnt/raid md127",
            "  redoubt mdmon --exec /sbin/mdmon --mount /mnt/raid md127"
        })
final class MdmonCommand extends Verb {

    private static final long ANSWER_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(20);
    private static final long BUSY_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(30);
    private static final long BEAT_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final String SOCKET_SUFFIX = ".sock";
    private static final String RUN_SUFFIX = ".mdmon";

    @Mixin
    private Served served = new Served();

    @Option(
            names = "--run-dir",
            paramLabel = "DIR",
            description =
                    "Where the pid file and the command socket are. Default: next to the control socket, with .mdmon"
                            + " in the place of .sock; or next to the directory of --mount, with .mdmon behind its name.")
    private Optional<Path> runDirectory = Optional.empty();

    @Option(
            names = "--exec",
            paramLabel = "PROGRAM",
            description = "Become this daemon instead, such as /sbin/mdmon; needs --mount.")
    private Optional<Path> program = Optional.empty();

    @Option(
            names = "--mount",
            paramLabel = "DIR",
            description = "Where 'serve' shows the attributes as files, instead of its control socket.")
    private Optional<Path> mount = Optional.empty();

    @Parameters(paramLabel = "CONTAINER", description = "The container, such as md127, or one of its arrays.")
    private String container = "";

    MdmonCommand(Console console) {
        super(console);
    }

    @Override
    int run() throws Refused, IOException {
        if (mount.isPresent() && served.isNamed()) {
            throw new Refused(ExitCode.USAGE, "--mount and --control are two ways to one server; name one");
        }
        if (program.isPresent()) {
            throw ForeignMdmon.become(
                    program.get(),
                    mount.orElseThrow(() -> new Refused(
                            ExitCode.USAGE, "--exec needs --mount DIR: another's daemon finds everything in files")),
                    container);
        }
        return mount.isPresent() ? overMount(mount.get()) : overSocket();
    }

    private int overSocket() throws Refused, IOException {
        Served.Container found = served.container(container);
        return StopSignal.during(
                console(),
                signal -> keep(
                        found.name(),
                        new SocketEngine(found.socket(), ANSWER_LIMIT_NANOS),
                        beside(found.socket()),
                        () -> {},
                        signal));
    }

    private int overMount(Path directory) throws Refused, IOException {
        ForeignMdmon.checkMount(directory);
        Path tree = directory.toRealPath();
        String name;
        try (Attributes attributes = MountAttributes.open(tree)) {
            name = Served.containerOf(attributes, container)
                    .orElseThrow(() -> new Refused(
                            ExitCode.USAGE,
                            "'" + container + "' is no container in '" + tree + "'; its name there is md127"));
        }
        List<String> before = ForeignMdmon.names(tree.resolve("daemons"));
        try (ThreadHeartbeat heartbeat = new ThreadHeartbeat(BEAT_NANOS)) {
            return StopSignal.during(
                    console(),
                    signal -> keep(
                            name,
                            new MountEngine(tree, heartbeat),
                            tree.resolveSibling(tree.getFileName() + RUN_SUFFIX),
                            () -> ForeignMdmon.forget(tree.resolve("daemons"), before),
                            signal));
        }
    }

    private int keep(String name, Mdmon.Engine engine, Path usualRunDirectory, Runnable entered, StopSignal signal)
            throws Refused, IOException {
        ServiceManager manager = new ServiceManager(console());
        Mdmon.Terms terms = new Mdmon.Terms(name, ownName(), runDirectory.orElse(usualRunDirectory), BUSY_LIMIT_NANOS);
        try {
            Mdmon daemon = Mdmon.enter(terms, new ImsmFormat(), engine, Clock.system(), console()::say);
            entered.run();
            Threads.start("mdmon-signal", () -> {
                signal.await();
                daemon.terminate();
            });
            return exitCode(daemon.run(() -> {
                console().print("%s is kept by %s".formatted(name, terms.name()));
                console().out().flush();
                manager.ready("keeping " + name);
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
        return socket.toAbsolutePath().resolveSibling(stem + RUN_SUFFIX);
    }
}
