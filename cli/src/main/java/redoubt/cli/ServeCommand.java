package redoubt.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import redoubt.assembly.Access;
import redoubt.assembly.AssembledContainer;
import redoubt.assembly.AssemblyOptions;
import redoubt.assembly.Disk;
import redoubt.assembly.Insistence;
import redoubt.block.IoMemory;
import redoubt.fuse.FuseMount;
import redoubt.fuse.FuseRefused;
import redoubt.metadata.Printable;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.VolumePicture;
import redoubt.nbd.NbdLimits;

/** {@code redoubt serve}: assembles arrays and serves them over NBD until it is told to stop. */
@Command(
        name = "serve",
        header = "Serves the arrays that these disks form, over NBD.",
        sortOptions = false,
        description = {
            "",
            "Assembles the arrays that the disks form, in any order, and serves each under its name until SIGTERM, SIGINT or"
                    + " 'redoubt stop'. When clients can connect, the NBD URI of each array is printed on stdout, one a line; with --json"
                    + " a document of one line says what is served and where.",
            "",
            "Without --allow-degraded an array with a member missing is not written to (exit 77): a write makes the disk"
                    + " that is away worthless until it is rebuilt. With --read-only nothing at all is written, neither data nor"
                    + " metadata.",
            "",
            "A member that does not answer within --member-timeout is failed, and the array goes on without it. The default"
                    + " is what Linux gives a SCSI disk for one command; disks without a limit of their own for error recovery"
                    + " (ERC, TLER) may need more, and a shorter time lets clients wait less. When serve"
                    + " ends in good order the members say that the array is clean (exit 0); one that was found dirty stays so.",
            "",
            "With --mount the attributes of the arrays are files under DIR, as Linux has them under /sys: DIR/block/NAME/md/array_state"
                    + " and so on, to read, to write, and to poll. Under DIR/volumes each array is a file of its size, for a loop device or"
                    + " any program; it takes whole blocks, and is not truncated (dd conv=notrunc). Files belong to the user who serves, and"
                    + " nobody else sees them. What is mounted goes when serve ends, and also when it is killed.",
            "",
            "With --keeper external the arrays start readonly and wait for a daemon, such as 'redoubt mdmon', which stores a name of its own in the"
                    + " attribute daemons/enter of the control socket. It finds the attributes in daemons/NAME, and the"
                    + " disks at the NBD exports that daemons/NAME/doors names: on a socket of their own beside the control"
                    + " socket, where only the metadata can be written, and only by the daemon that is current; with --mount, as root, also in files DIR/doors/NAME:0 and so on. 'redoubt mdmon' is such a daemon."
                    + " One that misses --keeper-deadline is fenced for good; the engine keeps the metadata from"
                    + " then on, until another daemon has read it.",
            "",
            "Before it says that it is ready, serving is rehearsed on an array in memory, so that all code is loaded and compiled; then nothing more is compiled, all memory is locked, and the process is marked as one that memory is freed by (I/O flusher) and is"
                    + " not to be killed for memory, unless somebody has given it an oom_score_adj below zero already. A client that comes before that is over waits. Where that is not allowed, or something else might keep a write waiting"
                    + " for memory, it serves all the same and says 'unsafe' with the reason, here and in 'redoubt status'. With"
                    + " --require-safe it does not serve then (exit 77). It needs CAP_SYS_RESOURCE, and CAP_IPC_LOCK or no limit"
                    + " of locked memory, which root has.",
            "",
            "Without TLS, which is not there yet, TCP is for this machine only. systemd is told when all is ready"
                    + " (Type=notify)."
        },
        footer = {
            "",
            "Examples:",
            "  redoubt serve disk0.img,serial=WD-1 disk1.img,serial=WD-2",
            "  redoubt serve --read-only --listen tcp:localhost:10809 /dev/sda /dev/sdb",
            "  redoubt serve --allow-degraded --array vol0 disk0.img",
            "  redoubt serve --mount ~/raid a.img b.img"
        })
final class ServeCommand extends Verb {

    @Option(
            names = "--array",
            paramLabel = "NAME",
            description = "Serve this array only (name or UUID). May be given more than once.")
    private List<String> arrays = List.of();

    @Option(
            names = "--listen",
            paramLabel = "WHERE",
            description =
                    "unix:PATH or tcp:HOST[:PORT]; may be given more than once. Default: a Unix socket NAME.nbd next to"
                            + " the control socket.")
    private List<String> listen = List.of();

    @Option(names = "--read-only", description = "Write nothing at all.")
    private boolean readOnly;

    @Option(names = "--allow-degraded", description = "Write although a member is missing.")
    private boolean allowDegraded;

    @Option(
            names = "--allow-older-half",
            description = "Use what is here although the missing disks may have gone on without it, and be newer.")
    private boolean allowOlderHalf;

    @Option(
            names = "--accept-write-hole",
            description =
                    "Write to a RAID5 that is degraded and was not closed in good order, or go on when it loses a member"
                            + " later: old data in the stripes that were in flight may be lost.")
    private boolean acceptWriteHole;

    @Option(
            names = "--trust-serials",
            description = "Write although the content of the disks speaks against the serials that were given.")
    private boolean trustSerials;

    @Option(
            names = "--member-timeout",
            paramLabel = "TIME",
            defaultValue = "30s",
            description = "How long a member may take over one request. Default: ${DEFAULT-VALUE}")
    private String memberTimeout = "";

    @Option(
            names = "--require-safe",
            description = "Do not serve where a write might have to wait for memory (exit 77).")
    private boolean requireSafe;

    @Option(
            names = "--rehearsal",
            paramLabel = "TIME",
            description =
                    "How long requests are played before serving, at most, until all is compiled; 0 for no rehearsal."
                            + " Default: 3s where nothing else makes it unsafe, else none.")
    private Optional<String> rehearsal = Optional.empty();

    @Option(
            names = "--keeper",
            paramLabel = "native|external",
            defaultValue = "native",
            description = "Who keeps the metadata: the engine, or a daemon outside as with Linux and mdmon."
                    + " Default: ${DEFAULT-VALUE}")
    private String keeper = "";

    @Option(
            names = "--keeper-deadline",
            paramLabel = "TIME",
            defaultValue = "5s",
            description =
                    "How long writes wait for that daemon before it is fenced and the engine takes over; 0 for ever,"
                            + " as Linux does. Default: ${DEFAULT-VALUE}")
    private String keeperDeadline = "";

    @Option(
            names = "--control",
            paramLabel = "PATH",
            description =
                    "The control socket. Default: NAME.sock in /run/redoubt (root) or in $$XDG_RUNTIME_DIR/redoubt"
                            + " (without that: /tmp/redoubt-USER), NAME being the first array's.")
    private Optional<Path> control = Optional.empty();

    @Option(
            names = "--mount",
            paramLabel = "DIR",
            description = "Show attributes as files under DIR, as in /sys, and the arrays under DIR/volumes.")
    private Optional<Path> mount = Optional.empty();

    @Option(names = "--json", description = "Print a JSON document, on one line, in the place of the URIs.")
    private boolean json;

    @Parameters(arity = "1..*", paramLabel = "DISK", description = "PATH[,serial=TEXT]")
    private List<String> disks = List.of();

    ServeCommand(Console console) {
        super(console);
    }

    /**
     * What is served.
     *
     * @param control the control socket
     * @param mount where attributes and arrays are files, if anywhere
     * @param unsafe why a write might wait for memory, a sentence each
     */
    record Document(
            Json.OutputVersion outputVersion,
            long pid,
            String control,
            Optional<String> mount,
            List<ArrayServed> arrays,
            List<String> unsafe) {}

    /**
     * An array.
     *
     * @param degraded whether a member is missing
     * @param uris where clients reach it
     */
    record ArrayServed(
            String name,
            String uuid,
            String uuidCanonical,
            String level,
            long sizeBytes,
            boolean readOnly,
            boolean degraded,
            List<String> uris) {}

    @Override
    int run() throws Refused, IOException {
        List<Disk> members = Engine.disks(disks);
        AssemblyOptions options = options();
        OptionalLong rehearsalNanos =
                rehearsal.isPresent() ? OptionalLong.of(Seconds.parse(rehearsal.get())) : OptionalLong.empty();
        List<ListenAddress> addresses = new ArrayList<>();
        for (String where : listen) {
            addresses.add(ListenAddress.parse(where));
        }
        if (mount.isPresent()) {
            checkMount(mount.get());
        }
        DataPlane.become();
        return StopSignal.during(console(), signal -> serve(members, options, addresses, rehearsalNanos, signal));
    }

    private int serve(
            List<Disk> members,
            AssemblyOptions options,
            List<ListenAddress> addresses,
            OptionalLong rehearsalNanos,
            StopSignal signal)
            throws Refused, IOException {
        ServiceManager manager = new ServiceManager(console());
        EventPrinter printer = new EventPrinter(console());
        try (Engine engine = new Engine()) {
            IoMemory memory = DataMemory.forServing();
            Access access = readOnly ? Access.READ : Access.WRITE;
            AssembledContainer container = engine.start(members, access, options, memory, printer::complain);
            List<String> unsafeAnyway = unsafeHere(container, addresses);
            if (requireSafe && !unsafeAnyway.isEmpty()) {
                container.stop(options.memberTimeoutNanos());
                throw notServed(unsafeAnyway);
            }
            Service service;
            try {
                service = Service.prepare(
                        container, engine.heartbeat(), memory, sockets(container, addresses), signal::wish);
            } catch (IOException refused) {
                container.stop(options.memberTimeoutNanos());
                throw refused;
            } catch (FuseRefused refused) {
                container.stop(options.memberTimeoutNanos());
                throw new Refused(ExitCode.IO, refused.sentence());
            }
            container.volumes().forEach(volume -> Notices.of(volume).forEach(console()::say));
            if (arrays.isEmpty()) {
                Notices.leftOut(container).forEach(console()::say);
            }
            printer.follow(service.tree().root());
            Precautions taken =
                    Precautions.take(plan(engine, container, memory, service), rehearsalNanos, unsafeAnyway);
            service.health().begin(taken);
            List<String> unsafe = service.health().unsafe();
            if (requireSafe && !unsafe.isEmpty()) {
                service.stop();
                throw notServed(unsafe);
            }
            service.letIn();
            for (String reason : unsafe) {
                console().say("unsafe: " + reason);
            }
            if (json) {
                Json.printLine(console().out(), document(container, service, unsafe));
            } else {
                service.uris().forEach(console().out()::println);
            }
            console().out().flush();
            manager.ready("serving " + String.join(" ", service.uris()));
            service.health().begin(taken); // what telling took is not held against it
            signal.await();
            manager.stopping();
            boolean inOrder = service.stop();
            if (service.volumesWereOpen()) {
                console().say("somebody had an array open as a file, and gets errors from it now");
            }
            return (inOrder ? ExitCode.DONE : ExitCode.IO).number();
        }
    }

    private Document document(AssembledContainer container, Service service, List<String> unsafe) {
        List<ArrayServed> served = new ArrayList<>();
        for (AssembledContainer.Volume volume : container.volumes()) {
            VolumePicture picture = volume.found().picture();
            served.add(new ArrayServed(
                    Printable.of(volume.name()),
                    picture.uuid().colonForm(),
                    picture.uuid().canonicalForm(),
                    picture.level().word(),
                    volume.array().limits().sizeBytes(),
                    readOnly,
                    Notices.isDegraded(volume),
                    service.uris(volume.name())));
        }
        return new Document(
                Json.OutputVersion.of("serve"),
                ProcessHandle.current().pid(),
                service.control().toAbsolutePath().toString(),
                mount.map(each -> each.toAbsolutePath().toString()),
                served,
                unsafe);
    }

    private List<String> unsafeHere(AssembledContainer container, List<ListenAddress> addresses) {
        return Health.unsafeHere(
                ProcessFacts.of(Path.of("/proc/self")),
                container.devices(),
                addresses.stream().anyMatch(ListenAddress.Tcp.class::isInstance),
                container.external().isPresent(),
                mount.isPresent());
    }

    private static Refused notServed(List<String> reasons) {
        return new Refused(ExitCode.REFUSED, "not served, because it would be unsafe: " + String.join("; ", reasons));
    }

    private static Precautions.Plan plan(
            Engine engine, AssembledContainer container, IoMemory memory, Service service) {
        Set<RaidLevel> levels = container.volumes().stream()
                .map(volume -> volume.found().picture().level())
                .collect(Collectors.toCollection(() -> EnumSet.noneOf(RaidLevel.class)));
        return new Precautions.Plan(
                engine.heartbeat(),
                memory,
                levels,
                service,
                NbdLimits.standard().dataThreads());
    }

    private static void checkMount(Path directory) throws Refused {
        try {
            FuseMount.check(directory);
        } catch (FuseRefused refused) {
            throw new Refused(ExitCode.IO, refused.sentence());
        }
    }

    private AssemblyOptions options() throws Refused {
        Set<Insistence> insisted = EnumSet.noneOf(Insistence.class);
        if (allowDegraded) {
            insisted.add(Insistence.DEGRADED);
        }
        if (allowOlderHalf) {
            insisted.add(Insistence.LONE_HALF);
        }
        if (acceptWriteHole) {
            insisted.add(Insistence.WRITE_HOLE);
        }
        if (trustSerials) {
            insisted.add(Insistence.SERIALS);
        }
        boolean external = keeper.equals("external");
        if (!external && !keeper.equals("native")) {
            throw new Refused(ExitCode.USAGE, "'" + keeper + "' keeps no metadata; write native or external");
        }
        if (external && readOnly) {
            throw new Refused(ExitCode.USAGE, "with --read-only no metadata is kept; leave out --keeper external");
        }
        AssemblyOptions base = readOnly ? AssemblyOptions.READ_ONLY : AssemblyOptions.WRITABLE;
        AssemblyOptions options = base.insisting(insisted)
                .forArrays(Set.copyOf(arrays))
                .withMemberTimeoutNanos(Seconds.parse(memberTimeout));
        return external ? options.keptOutside(Seconds.parse(keeperDeadline)) : options;
    }

    private Service.Sockets sockets(AssembledContainer container, List<ListenAddress> addresses) throws IOException {
        if (control.isPresent() && !addresses.isEmpty()) {
            return new Service.Sockets(control.get(), List.of(), addresses, mount);
        }
        Service.Sockets standard = Service.standardSockets(container);
        return new Service.Sockets(
                control.orElse(standard.control()),
                control.isPresent() ? List.of() : standard.otherNames(),
                addresses.isEmpty() ? standard.listen() : addresses,
                mount);
    }
}
