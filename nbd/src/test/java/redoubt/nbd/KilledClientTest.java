package redoubt.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Goal: a client that is killed costs the server nothing. Method: a process of its own is killed with SIGKILL in the middle of many reads and
 * writes, with replies queued and, in the second case, with requests at a device that holds them.
 */
class KilledClientTest {

    private static final int SIZE = 1 << 20;
    private static final int ROUNDS = 3;
    private static final Path DESCRIPTORS = Path.of("/proc/self/fd");

    private static long descriptors() throws IOException {
        if (!Files.isDirectory(DESCRIPTORS)) {
            return 0;
        }
        try (Stream<Path> all = Files.list(DESCRIPTORS)) {
            return all.filter(KilledClientTest::isSocket).count();
        }
    }

    private static boolean isSocket(Path descriptor) {
        try {
            return Files.readSymbolicLink(descriptor).toString().startsWith("socket:");
        } catch (IOException closedMeanwhile) {
            return false;
        }
    }

    private static Process client(Path socket) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        BusyClient.class.getName(),
                        socket.toString())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aKilledClientLeavesNothingBehind(boolean heldByTheDevice) throws Exception {
        HoldingExport held = new HoldingExport(SIZE, 0);
        MemoryExport device = heldByTheDevice ? held : new MemoryExport(SIZE);
        try (ServedDevice served = new ServedDevice(device, NbdLimits.standard().withConnections(4))) {
            try (RawClient first = RawClient.simple(served.socket)) {
                first.errorOf(Wire.CMD_CACHE, 0, 0, 512);
            }
            Await.that("the first client is gone", () -> served.server.status().sessions() == 0);
            int threads = Thread.getAllStackTraces().size();
            long descriptors = descriptors();
            for (int round = 0; round < ROUNDS; round++) {
                long before = served.server.status().requests();
                held.hold();
                held.release(200);
                Process client = client(served.socket);
                try {
                    Await.that("it is busy, or has failed", () -> {
                        long requests = served.server.status().requests() - before;
                        return !client.isAlive() || (heldByTheDevice ? held.held() > 10 : requests > 300);
                    });
                    assertThat(client.isAlive()).isTrue();
                } finally {
                    client.destroyForcibly();
                }
                assertThat(client.waitFor()).isEqualTo(128 + 9);
                // A session that is at its limit does not read, so it learns that its client is gone when the device
                // answers.
                held.release(100_000);
                Await.that(
                        "all its sessions are over",
                        () -> served.server.status().sessions() == 0);
                Await.that("all memory came back", () -> served.memory.free() == served.memory.total());
                // Every place is free again: as many clients as there may be, at once.
                RawClient[] next = new RawClient[4];
                for (int i = 0; i < next.length; i++) {
                    next[i] = RawClient.simple(served.socket);
                    assertThat(next[i].read(0, 4096)).hasSize(4096);
                }
                for (RawClient one : next) {
                    one.close();
                }
                Await.that("they are gone", () -> served.server.status().sessions() == 0);
            }
            assertThat(Thread.getAllStackTraces()).hasSizeLessThanOrEqualTo(threads + 1);
            long[] now = new long[1];
            Await.that("all sockets are closed", () -> {
                now[0] = openSockets();
                return now[0] <= descriptors;
            });
            assertThat(served.server.status().faults()).isZero();
        } finally {
            held.close();
        }
    }

    private static long openSockets() {
        try {
            return descriptors();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
