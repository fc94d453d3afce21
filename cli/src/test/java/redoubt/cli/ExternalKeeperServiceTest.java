package redoubt.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
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
import redoubt.testkit.Waiting;

/** {@code serve --keeper external}, seen through the sockets by which daemons and users reach it. */
class ExternalKeeperServiceTest {

    private static final int DISK_BYTES = 24 << 20;
    private static final long DEADLINE_NANOS = TimeUnit.MILLISECONDS.toNanos(300);

    @TempDir
    Path folder;

    /** Goal: a daemon that reads the disks becomes current; one that then says nothing is fenced, and the write that waited for it ends. */
    @Test
    void aDaemonComesInByTheControlSocketAndIsFencedWhenItSaysNothing() throws Exception {
        List<String> disks = Run.createMirror(folder, DISK_BYTES);
        Path control = folder.resolve("c");
        Path socket = folder.resolve("n");
        try (Engine engine = new Engine()) {
            IoMemory memory = DataMemory.forServing();
            AssembledContainer container = engine.start(
                    Engine.disks(disks),
                    Access.WRITE,
                    AssemblyOptions.WRITABLE.keptOutside(DEADLINE_NANOS),
                    memory,
                    sentence -> {});
            Service service = Service.start(
                    container,
                    engine.heartbeat(),
                    memory,
                    new Service.Sockets(control, List.of(), List.of(new ListenAddress.Unix(socket))),
                    () -> {});
            assertThat(service.uris()).containsExactly("nbd+unix:///v?socket=" + socket);
            try (Attributes daemon = SocketAttributes.connect(control, TimeUnit.SECONDS.toNanos(20))) {
                assertThat(daemon.read("block/md126/md/array_state")).isEqualTo("readonly\n");
                assertThat(daemon.read("block/v/md/metadata_version")).isEqualTo("external:/md127/0\n");
                assertThat(daemon.read("block/md127/md/metadata_version")).isEqualTo("external:imsm\n");
                assertThat(daemon.read("mdstat"))
                        .contains("md126 : active (read-only) raid1", "md127 : inactive disk1[1](S) disk0[0](S)");
                assertThat(Run.of(folder, "status", "--control", control.toString(), "v")
                                .out())
                        .contains("md126 : active")
                        .doesNotContain("md127 :");

                daemon.write("daemons/enter", "4711.1");
                assertThat(daemon.read("daemons/4711.1/standing")).isEqualTo("newcomer\n");
                assertThat(refusal(daemon, "daemons/4711.1/block/md126/md/array_state", "read-auto"))
                        .isEqualTo(Errno.EBUSY);
                for (int disk = 0; disk < 2; disk++) {
                    try (NbdExchange door = new NbdExchange(socket, "door/4711.1/" + disk)) {
                        assertThat(door.read(DISK_BYTES - 1024, 512))
                                .startsWith("Intel Raid ISM".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
                    }
                }
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
                        .containsExactlyInAnyOrder("enter", "4711.2");
            }
            assertThat(service.stop()).isTrue();
        }
        assertThat(Run.of(folder, "examine", folder.resolve("disk0").toString()).out())
                .contains("Dirty State : clean");
    }

    private static Errno refusal(Attributes attributes, String path, String value) {
        return catchThrowableOfType(AttributeRefused.class, () -> attributes.write(path, value))
                .errno();
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
}
