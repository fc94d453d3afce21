package redoubt.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import redoubt.assembly.Access;
import redoubt.assembly.AssembledContainer;
import redoubt.assembly.AssemblyOptions;
import redoubt.base.Clock;
import redoubt.base.Threads;
import redoubt.block.IoMemory;
import redoubt.control.AttributeRefused;
import redoubt.control.Attributes;
import redoubt.control.SocketAttributes;
import redoubt.mdmon.Mdmon;
import redoubt.metadata.imsm.ImsmFormat;
import redoubt.testkit.Waiting;

/** {@code serve --keeper external} with our own daemon, both in this process, over the sockets by which they meet. */
@Tag("slow")
class MdmonServiceTest {

    private static final int DISK_BYTES = 24 << 20;
    private static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(20);

    @TempDir
    Path folder;

    private final List<Object> ends = new CopyOnWriteArrayList<>();
    private final List<String> said = new CopyOnWriteArrayList<>();
    private Path control;
    private Path socket;
    private Engine engine;
    private Service service;
    private Attributes tree;
    private boolean stopped;

    @BeforeEach
    void serveAMirror() throws Exception {
        control = folder.resolve("c");
        socket = folder.resolve("n");
        List<String> disks = Run.createMirror(folder, DISK_BYTES, "--assume-clean");
        engine = new Engine();
        IoMemory memory = DataMemory.forServing();
        AssembledContainer container = engine.start(
                Engine.disks(disks),
                Access.WRITE,
                AssemblyOptions.WRITABLE.keptOutside(0), // it waits for ever: nobody but the daemon lets a write go
                memory,
                said::add);
        service = Service.start(
                container,
                engine.heartbeat(),
                memory,
                new Service.Sockets(control, List.of(), List.of(new ListenAddress.Unix(socket))),
                () -> {});
        tree = SocketAttributes.connect(control, LIMIT_NANOS);
    }

    @AfterEach
    void stop() {
        tree.close();
        if (!stopped) {
            service.stop();
        }
        engine.close();
    }

    private Mdmon daemon(String name) throws Exception {
        Mdmon daemon = Mdmon.enter(
                new Mdmon.Terms("md127", name, folder.resolve("run" + name), LIMIT_NANOS),
                new ImsmFormat(),
                new SocketEngine(control, LIMIT_NANOS),
                Clock.system(),
                said::add);
        Threads.start("daemon-" + name, () -> {
            try {
                ends.add(daemon.run(() -> {}));
            } catch (Mdmon.Refused | IOException | RuntimeException failed) {
                ends.add(failed);
            }
        });
        return daemon;
    }

    private void await(String path, String value) {
        Waiting.until(path + " says " + value + "; " + said + ends, () -> {
            try {
                return tree.read(path).equals(value + "\n");
            } catch (IOException | AttributeRefused notYet) {
                return false;
            }
        });
    }

    private void write(int at) throws IOException {
        try (NbdExchange client = new NbdExchange(socket, "v")) {
            client.write(at, new byte[4096]);
        }
    }

    private String examined(int disk) {
        return Run.of(folder, "examine", folder.resolve("disk" + disk).toString())
                .out();
    }

    @Test
    void writesGoOnceTheDisksSayDirtyAndTheyBecomeCleanAgainAndAFailedMemberIsRecorded() throws Exception {
        Mdmon daemon = daemon("1.1");
        await("block/md126/md/array_state", "read-auto");
        write(0);
        assertThat(examined(0)).contains("Dirty State : dirty");
        assertThat(examined(1)).contains("Dirty State : dirty");
        await("block/md126/md/array_state", "clean");
        Waiting.until("clean on the disks", () -> examined(1).contains("Dirty State : clean"));

        assertThat(Run.of(folder, "fail", "--control", control.toString(), "v", "0")
                        .exit())
                .isZero();
        Waiting.until("recorded", () -> examined(1).contains("Failed disk : 0"));
        write(4096);
        await("block/md126/md/array_state", "clean");
        assertThat(tree.read("daemons/1.1/standing")).isEqualTo("current\n");
        assertThat(tree.read("events")).doesNotContain("KeeperFenced");
        daemon.terminate();
        Waiting.until("it leaves", () -> !ends.isEmpty());
        assertThat(ends).containsExactly(Mdmon.End.LEFT);
        write(8192); // the engine keeps it now, though it would wait for a daemon for ever
    }

    @Test
    void aSecondDaemonStandsByAndFollowsTheFirst() throws Exception {
        Mdmon first = daemon("1.1");
        await("block/md126/md/array_state", "read-auto");
        daemon("1.2");
        await("daemons/1.2/standing", "newcomer");
        write(0);
        first.terminate();
        await("daemons/1.2/standing", "current");
        assertThat(ends).containsExactly(Mdmon.End.LEFT);
        write(4096);
        assertThat(tree.read("daemons/1.2/standing")).isEqualTo("current\n");
        stopped = true;
        service.stop();
        Waiting.until("the second ends with the engine", () -> ends.size() == 2);
        assertThat(ends).containsExactly(Mdmon.End.LEFT, Mdmon.End.STOPPED);
        assertThat(examined(0)).contains("Dirty State : clean");
    }

    @Test
    void whatIsNotServedOrNotKeptOutsideIsToldApartFromWhatIs() {
        assertThat(Run.of(folder, "mdmon", "--control", control.toString(), "md9")
                        .exit())
                .isEqualTo(75);
        assertThat(Run.of(folder, "mdmon", "--control", folder.resolve("no").toString(), "md127")
                        .exit())
                .isEqualTo(75);
    }
}
