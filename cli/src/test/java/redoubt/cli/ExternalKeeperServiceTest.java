package redoubt.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import redoubt.assembly.Access;
import redoubt.assembly.AssembledContainer;
import redoubt.assembly.AssemblyOptions;
import redoubt.block.IoMemory;
import redoubt.control.AttributeRefused;
import redoubt.control.Attributes;
import redoubt.control.SocketAttributes;
import redoubt.kernfs.Errno;
import redoubt.nbd.NbdClient;
import redoubt.nbd.NbdClientOptions;
import redoubt.nbd.NbdUri;
import redoubt.testkit.Waiting;

/** {@code serve --keeper external}, seen through the sockets by which daemons and users reach it. */
class ExternalKeeperServiceTest {

    private static final int DISK_BYTES = 24 << 20;
    private static final long DEADLINE_NANOS = TimeUnit.MILLISECONDS.toNanos(300);

    @TempDir
    Path folder;

    private Path control;
    private Path socket;
    private Engine engine;
    private Service service;

    @BeforeEach
    void serve() throws Exception {
        List<String> disks = Run.createMirror(folder, DISK_BYTES);
        control = folder.resolve("c.sock");
        socket = folder.resolve("n");
        engine = new Engine();
        IoMemory memory = DataMemory.forServing();
        AssembledContainer container = engine.start(
                Engine.disks(disks),
                Access.WRITE,
                AssemblyOptions.WRITABLE.keptOutside(DEADLINE_NANOS),
                memory,
                sentence -> {});
        service = Service.start(
                container,
                engine.heartbeat(),
                memory,
                new Service.Sockets(
                        control,
                        List.of(),
                        List.of(new ListenAddress.Unix(socket), new ListenAddress.Tcp("127.0.0.1", 0))),
                () -> {});
    }

    @AfterEach
    void stop() {
        engine.close();
    }

    private Attributes connect() throws IOException {
        return SocketAttributes.connect(control, TimeUnit.SECONDS.toNanos(20));
    }

    /** The doors of a daemon, by disk, as its own tree tells of them. */
    private static List<NbdUri> doors(Attributes attributes, String daemon) throws Exception {
        List<NbdUri> doors = new ArrayList<>();
        for (String uri :
                attributes.read("daemons/" + daemon + "/doors").lines().toList()) {
            doors.add(NbdUri.parse(uri));
        }
        return doors;
    }

    private static NbdExchange open(NbdUri door) throws IOException {
        return new NbdExchange(Path.of(java.util.Objects.requireNonNull(door.socket())), door.export());
    }

    /** A daemon of whom the test plays the part: it comes, and reads its disks. */
    private static List<NbdExchange> enter(Attributes attributes, String daemon) throws Exception {
        attributes.write("daemons/enter", daemon);
        List<NbdExchange> open = new ArrayList<>();
        for (NbdUri door : doors(attributes, daemon)) {
            open.add(open(door));
        }
        for (NbdExchange door : open) {
            assertThat(door.read(DISK_BYTES - 1024, 512))
                    .startsWith("Intel Raid ISM".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
        }
        return open;
    }

    /** Goal: a daemon that reads the disks becomes current; one that then says nothing is fenced, and the write that waited for it ends. */
    @Test
    void aDaemonComesInByTheControlSocketAndIsFencedWhenItSaysNothing() throws Exception {
        assertThat(service.uris()).first().isEqualTo("nbd+unix:///v?socket=" + socket);
        try (Attributes daemon = connect()) {
            assertThat(daemon.read("block/md126/md/array_state")).isEqualTo("readonly\n");
            assertThat(daemon.read("block/v/md/metadata_version")).isEqualTo("external:/md127/0\n");
            assertThat(daemon.read("block/md127/md/metadata_version")).isEqualTo("external:imsm\n");
            assertThat(daemon.read("mdstat"))
                    .contains("md126 : active (read-only) raid1", "md127 : inactive disk1[1](S) disk0[0](S)");
            assertThat(Run.of(folder, "status", "--control", control.toString(), "v")
                            .out())
                    .contains("md126 : active")
                    .doesNotContain("md127 :");

            daemon.write("daemons/enter", "4711.0");
            assertThat(daemon.read("daemons/4711.0/standing")).isEqualTo("newcomer\n");
            assertThat(refusal(daemon, "daemons/4711.0/block/md126/md/array_state", "read-auto"))
                    .isEqualTo(Errno.EBUSY);
            List<NbdExchange> doors = enter(daemon, "4711.1");
            Waiting.until("it is current", () -> reads(daemon, "daemons/4711.1/standing", "current\n"));
            daemon.write("daemons/4711.1/block/md126/md/array_state", "read-auto");
            Waiting.until("the array is taken", () -> reads(daemon, "block/md126/md/array_state", "read-auto\n"));

            try (NbdExchange client = new NbdExchange(socket, "v")) {
                client.write(0, new byte[4096]);
            }
            assertThat(daemon.read("daemons/4711.1/standing")).isEqualTo("fenced\n");
            assertThat(daemon.read("block/md126/md/metadata_version")).isEqualTo("external:-md127/0\n");
            assertThat(daemon.read("events")).contains("KeeperFenced", "KeeperTakenOver");
            assertThat(refusal(daemon, "daemons/4711.1/block/md126/md/array_state", "active"))
                    .isEqualTo(Errno.EBUSY);
            assertThat(refusal(daemon, "daemons/enter", "4711.1")).isEqualTo(Errno.EEXIST);
            assertThat(refusal(daemon, "daemons/enter", "../x")).isEqualTo(Errno.EINVAL);
            daemon.write("daemons/enter", "4711.2");
            assertThat(daemon.list("daemons").stream().map(Attributes.Entry::name))
                    .containsExactlyInAnyOrder("enter", "4711.0", "4711.2");
            for (NbdExchange door : doors) {
                door.close();
            }
        }
        assertThat(service.stop()).isTrue();
        assertThat(Run.of(folder, "examine", folder.resolve("disk0").toString()).out())
                .contains("Dirty State : clean");
    }

    /** Goal: nobody has to ask anything of a daemon that died. Method: an array that waits for nothing; the daemon's connections end. */
    @Test
    void aDaemonWhoseDoorsAreClosedHasLeftAtOnce() throws Exception {
        try (Attributes daemon = connect()) {
            List<NbdExchange> doors = enter(daemon, "4711.1");
            Waiting.until("it is current", () -> reads(daemon, "daemons/4711.1/standing", "current\n"));
            doors.get(0).close();
            try (NbdExchange again = open(doors(daemon, "4711.1").getFirst())) {
                assertThat(again.read(DISK_BYTES - 1024, 512)).hasSize(512); // as long as one is open it is there
            }
            doors.get(1).close();
            Waiting.until("it is fenced", () -> reads(daemon, "daemons/4711.1/standing", "fenced\n"));
            Waiting.until("the engine keeps the metadata", () -> hasHappened(daemon, "KeeperTakenOver"));
            daemon.write("block/md126/md/array_state", "read-auto"); // nobody counts as a client who has it open
            Waiting.until("it is read-auto", () -> reads(daemon, "block/md126/md/array_state", "read-auto\n"));
        }
        assertThat(service.stop()).isTrue();
    }

    /** Goal: who reaches the arrays does not reach the members; and a daemon's doors are not clients that expect to write. */
    @Test
    void doorsAreForDaemonsOnly() throws Exception {
        try (Attributes daemon = connect()) {
            List<NbdExchange> held = enter(daemon, "4711.1");
            List<NbdUri> doors = doors(daemon, "4711.1");
            assertThat(doors)
                    .hasSize(2)
                    .allMatch(door -> folder.resolve("c.doors").toString().equals(door.socket()));
            assertThat(Files.getPosixFilePermissions(folder.resolve("c.doors")))
                    .containsExactlyInAnyOrder(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE);
            for (NbdUri door : doors) {
                assertThatThrownBy(() -> new NbdExchange(socket, door.export()).close())
                        .isInstanceOf(IOException.class);
                for (String uri : service.uris()) {
                    NbdUri volume = NbdUri.parse(uri);
                    NbdUri there = new NbdUri(volume.host(), volume.port(), volume.socket(), door.export());
                    assertThatThrownBy(() -> NbdClient.open(there, NbdClientOptions.DEFAULTS.withOwnServerToo(true))
                                    .close())
                            .hasMessageContaining("no export of this name");
                }
            }
            assertThatThrownBy(() -> new NbdExchange(folder.resolve("c.doors"), "v").close())
                    .isInstanceOf(IOException.class);
            Waiting.until("it is current", () -> reads(daemon, "daemons/4711.1/standing", "current\n"));
            daemon.write("block/md126/md/array_state", "read-auto");
            Waiting.until("it is read-auto", () -> reads(daemon, "block/md126/md/array_state", "read-auto\n"));
            daemon.write("block/md126/md/array_state", "readonly");
            Waiting.until("it is readonly", () -> reads(daemon, "block/md126/md/array_state", "readonly\n"));
            for (NbdExchange door : held) {
                door.close();
            }
        }
        assertThat(service.stop()).isTrue();
        assertThat(folder.resolve("c.doors")).doesNotExist();
    }

    private static Errno refusal(Attributes attributes, String path, String value) {
        return catchThrowableOfType(AttributeRefused.class, () -> attributes.write(path, value))
                .errno();
    }

    private static boolean hasHappened(Attributes attributes, String word) {
        try {
            return attributes.read("events").contains(word);
        } catch (IOException | AttributeRefused failed) {
            throw new IllegalStateException(failed);
        }
    }

    private static boolean reads(Attributes attributes, String path, String value) {
        try {
            return attributes.read(path).equals(value);
        } catch (java.io.IOException | AttributeRefused failed) {
            throw new IllegalStateException(failed);
        }
    }

    @Test
    void whatKeepsNoMetadataIsRefused() {
        assertThat(Run.of(folder, "serve", "--keeper", "nobody", "x").exit()).isEqualTo(64);
        assertThat(Run.of(folder, "serve", "--keeper", "external", "--read-only", "x")
                        .exit())
                .isEqualTo(64);
        assertThat(Run.of(folder, "serve", "--keeper-deadline", "soon", "--keeper", "external", "x")
                        .exit())
                .isEqualTo(64);
    }

    /** Goal: who says nothing of it gets the deadline that the page of the verb, and the documentation, promise. */
    @Test
    void theDeadlineIsFiveSeconds() throws Exception {
        String unlessSaid = picocli.CommandLine.Model.CommandSpec.forAnnotatedObject(
                        new ServeCommand(Console.ofProcess()))
                .findOption("--keeper-deadline")
                .defaultValue();
        assertThat(Seconds.parse(unlessSaid)).isEqualTo(TimeUnit.SECONDS.toNanos(5));
        assertThat(Run.of(folder, "help", "serve").out().replaceAll("\\s+", " "))
                .contains("0 for ever, as Linux does. Default: 5s");
    }
}
