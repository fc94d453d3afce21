package redoubt.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import redoubt.assembly.Access;
import redoubt.assembly.AssembledContainer;
import redoubt.assembly.AssemblyOptions;
import redoubt.assembly.Insistence;
import redoubt.base.Threads;
import redoubt.block.IoMemory;
import redoubt.control.AttributeRefused;
import redoubt.control.Attributes;
import redoubt.control.SocketAttributes;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** An array that is served in this process, with a client, a member that fails, and the verbs that act on it. */
class ServiceTest {

    @TempDir
    Path folder;

    /** Goal: what was written is there after all of it. Method: write, fail a member, write, stop, read without the server. */
    @Test
    void anArrayIsServedWatchedFailedAndStopped() throws Exception {
        String[] disks = new String[2];
        for (int i = 0; i < 2; i++) {
            Path path = folder.resolve("disk" + i);
            try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
                file.setLength(24 << 20);
            }
            disks[i] = path + ",serial=S" + i;
        }
        assertThat(run("create", "v", "--metadata", "imsm", "--level", "1", disks[0], disks[1])
                        .exit())
                .isZero();
        Path control = folder.resolve("c");
        Path socket = folder.resolve("n");
        byte[] first = content(1);
        byte[] second = content(2);
        try (Engine engine = new Engine()) {
            IoMemory memory = DataMemory.forServing();
            StopSignal signal = new StopSignal();
            AssembledContainer container = engine.start(
                    Engine.disks(List.of(disks)), Access.WRITE, AssemblyOptions.WRITABLE, memory, sentence -> {});
            Service service = Service.start(
                    container,
                    engine.heartbeat(),
                    memory,
                    new Service.Sockets(control, List.of(), List.of(new ListenAddress.Unix(socket))),
                    signal::wish);
            assertThat(service.uris()).containsExactly("nbd+unix:///v?socket=" + socket);
            Thread serving = Threads.start("serving", () -> {
                signal.await();
                assertThat(service.stop()).isTrue();
            });

            try (NbdExchange client = new NbdExchange(socket, "v")) {
                client.write(0, first);
                client.flush();
                assertThat(client.read(0, first.length)).isEqualTo(first);
                assertThat(status(control).at("/arrays/0/degraded").asInt()).isZero();
                assertThat(act(control, "status", "--test", "v").exit()).isZero();

                assertHealthIsMeasured(control);
                assertCopyMindsTheServer(disks);
                assertStateIsStored(control);

                Run failed = act(control, "fail", "--json", "v", "S1");
                assertThat(failed.exit()).as(failed.err()).isZero();
                JsonNode member = new ObjectMapper().readTree(failed.out());
                assertThat(member.at("/output_version/command").asString()).isEqualTo("fail");
                assertThat(member.at("/array").asString()).isEqualTo("v");
                assertThat(member.at("/slot").asInt()).isEqualTo(1);
                assertThat(member.at("/serial").asString()).isEqualTo("S1");
                assertThat(act(control, "fail", "v", "S0").exit()).isEqualTo(77);
                assertThat(act(control, "fail", "v", "nobody").exit()).isEqualTo(64);
                assertThat(act(control, "status", "--test", "v").exit()).isEqualTo(1);
                assertThat(act(control, "status", "v").out()).contains("disk1[1](F)", "[2/1] [U_]");
                assertThat(act(control, "detail", "v").out()).contains("Failed Devices : 1");
                assertThat(act(control, "events", "v").out()).contains("Fail", "DegradedArray");
                assertThat(act(control, "detail", "w").exit()).isEqualTo(64);
                assertThat(act(control, "detail", "md126").out()).contains("Failed Devices : 1");
                try (Attributes attributes = SocketAttributes.connect(control, TimeUnit.SECONDS.toNanos(20))) {
                    assertThat(attributes.readlink("block/md126")).isEqualTo("v");
                    assertThat(attributes.read("block/md126/md/degraded")).isEqualTo("1\n");
                }

                client.write(4096, second);
                client.flush();
            }
            Run stopped = act(control, "stop", "--json", "v");
            assertThat(stopped.exit()).as(stopped.err()).isZero();
            JsonNode end = new ObjectMapper().readTree(stopped.out());
            assertThat(end.at("/output_version/command").asString()).isEqualTo("stop");
            assertThat(end.at("/array").asString()).isEqualTo("v");
            assertThat(end.at("/clean").asBoolean()).isTrue();
            serving.join(60_000);
            assertThat(control).doesNotExist();
            assertThat(socket).doesNotExist();
        }
        Path copy = folder.resolve("copy");
        assertThat(run("copy", disks[1], disks[0], copy.toString()).exit()).isZero();
        System.arraycopy(second, 0, first, 4096, first.length - 4096);
        assertThat(Files.readAllBytes(copy)).startsWith(first);
        assertThat(run("examine", disks[0]).out()).contains("Dirty State : clean", "Slots : [U_]");
    }

    @Test
    void anArrayThatMissesAMemberIsServedForWritingOnlyWhenToldSo() throws Exception {
        Path path = folder.resolve("disk0");
        for (String name : List.of("disk0", "disk1")) {
            try (RandomAccessFile file =
                    new RandomAccessFile(folder.resolve(name).toFile(), "rw")) {
                file.setLength(24 << 20);
            }
        }
        run(
                "create",
                "v",
                "--metadata",
                "imsm",
                "--level",
                "1",
                path + ",serial=A",
                folder.resolve("disk1") + ",serial=B");
        List<redoubt.assembly.Disk> half = Engine.disks(List.of(path + ",serial=A"));
        try (Engine engine = new Engine();
                IoMemory memory = DataMemory.forCopying()) {
            Refused refused = org.assertj.core.api.Assertions.catchThrowableOfType(
                    Refused.class,
                    () -> engine.start(half, Access.WRITE, AssemblyOptions.WRITABLE, memory, sentence -> {}));
            assertThat(refused.exitCode()).isEqualTo(77);
            assertThat(refused.sentence()).contains("--allow-degraded");
            AssemblyOptions told = AssemblyOptions.WRITABLE.insisting(Set.of(Insistence.DEGRADED));
            try (AssembledContainer container = engine.start(half, Access.WRITE, told, memory, sentence -> {})) {
                assertThat(Notices.of(container.volumes().getFirst()))
                        .first()
                        .asString()
                        .contains("slot 1 is missing");
            }
        }
    }

    private void assertCopyMindsTheServer(String[] disks) {
        Path torn = folder.resolve("torn");
        Run refused = run("copy", disks[0], disks[1], torn.toString());
        assertThat(refused.exit()).as(refused.err()).isEqualTo(77);
        assertThat(refused.err()).contains("--while-served");
        assertThat(torn).doesNotExist();
        Run insisted = run("copy", "--while-served", disks[0], disks[1], torn.toString());
        assertThat(insisted.exit()).as(insisted.err()).isEqualTo(74);
        assertThat(insisted.err()).contains("may be torn");
    }

    private void assertHealthIsMeasured(Path control) {
        Run status = act(control, "status", "--health", "v");
        assertThat(status.out()).contains("v : active raid1", "worst_gap_micros : ", "buffers_free : ");
        JsonNode document = new ObjectMapper()
                .readTree(act(control, "status", "--json", "--health", "v").out());
        JsonNode measured = document.at("/health/0");
        assertThat(measured.at("/pid").asLong())
                .isEqualTo(ProcessHandle.current().pid());
        assertThat(measured.at("/clients").asInt()).isEqualTo(1);
        assertThat(measured.at("/buffers").asLong()).isPositive();
        assertThat(measured.at("/members").asInt()).isEqualTo(2);
        assertThat(measured.at("/threads_started").asLong()).isNotNegative();
        assertThat(measured.at("/server_faults").asLong()).isZero();
        assertThat(document.at("/not_promised").size()).isPositive();
        document.at("/not_promised")
                .forEach(sentence -> assertThat(status.err()).contains(sentence.asString()));
        assertThat(status(control).at("/health").size()).isZero();
    }

    /** As somebody with a client for the control socket would do it. */
    private static void assertStateIsStored(Path control) throws Exception {
        try (Attributes attributes = SocketAttributes.connect(control, 5_000_000_000L)) {
            String state = "block/v/md/array_state";
            assertThatThrownBy(() -> attributes.write(state, "readonly"))
                    .isInstanceOf(AttributeRefused.class)
                    .hasMessageContaining("clients are connected");
            assertThatThrownBy(() -> attributes.write(state, "write-pending")).isInstanceOf(AttributeRefused.class);
            attributes.watch(state);
            attributes.write(state, "clean");
            while (!attributes.read(state).equals("clean\n")) {
                attributes.awaitChange(5_000_000_000L);
            }
            assertThat(attributes.read("workqueue/queues/kernfs_wq/rescuer")).isEqualTo("1\n");
            assertThat(attributes.read("workqueue/queues/kernfs_wq/waits_for")).isEqualTo("supers lock\n");
            assertThat(attributes.list("workqueue/queues"))
                    .extracting(Attributes.Entry::name)
                    .anyMatch(name -> name.startsWith("container-"));
            assertThat(attributes.read("workqueue/reports")).isEqualTo("0\n");
            attributes.write("block/v/md/safe_mode_delay", "0.2");
            assertThat(attributes.read("block/v/md/safe_mode_delay")).isEqualTo("0.200\n");
        }
    }

    private Run run(String... words) {
        return Run.of(folder, words);
    }

    private Run act(Path control, String verb, String... words) {
        String[] all = new String[words.length + 3];
        all[0] = verb;
        all[1] = "--control";
        all[2] = control.toString();
        System.arraycopy(words, 0, all, 3, words.length);
        return run(all);
    }

    private JsonNode status(Path control) {
        return new ObjectMapper().readTree(act(control, "status", "--json").out());
    }

    private static byte[] content(int seed) {
        byte[] bytes = new byte[1 << 20];
        new java.util.SplittableRandom(seed).nextBytes(bytes);
        return bytes;
    }
}
