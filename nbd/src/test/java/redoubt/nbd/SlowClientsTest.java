package redoubt.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients that dawdle are cut at a limit, and until then cost nobody else anything. */
@Tag("slow")
class SlowClientsTest {

    private static final int SIZE = 64 << 20;
    private static final NbdLimits IMPATIENT =
            NbdLimits.standard().withHandshakeMillis(700).withSlowMillis(700);

    private final MemoryExport device = new MemoryExport(SIZE);

    /** Sends a byte now and then until the server has enough of it; answers how many bytes that were. */
    private static int dribble(RawClient client, ByteBuffer bytes) {
        int sent = 0;
        try {
            client.channel.configureBlocking(false);
            ByteBuffer scrap = ByteBuffer.allocate(1000);
            while (bytes.hasRemaining()) {
                client.channel.write(ByteBuffer.wrap(new byte[] {bytes.get()}));
                sent++;
                if (client.channel.read(scrap.clear()) < 0) {
                    return sent;
                }
                LockSupport.parkNanos(50_000_000);
            }
        } catch (IOException cut) {
            return sent;
        }
        return sent;
    }

    @Test
    void aByteNowAndThenDoesNotProlongTheHandshake() throws IOException {
        try (ServedDevice served = new ServedDevice(device, IMPATIENT);
                RawClient client = new RawClient(served.socket)) {
            client.greeting();
            ByteBuffer all = ByteBuffer.allocate(2000)
                    .putInt(3)
                    .put(RawClient.optionBytes(Wire.OPT_LIST, 0, new byte[0]))
                    .put(RawClient.optionBytes(99, 1000, new byte[1000]));
            assertThat(dribble(client, all.flip())).isLessThan(60);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {Wire.CMD_READ, Wire.CMD_WRITE})
    void aByteNowAndThenDoesNotProlongAMessage(int type) throws IOException {
        try (ServedDevice served = new ServedDevice(device, IMPATIENT);
                RawClient client = RawClient.simple(served.socket)) {
            ByteBuffer message = ByteBuffer.allocate(5000)
                    .put(RawClient.header(type, 0, 1, 0, 4096).limit(type == Wire.CMD_READ ? 27 : 28));
            if (type == Wire.CMD_READ) {
                // A header that is never finished.
                message.flip();
                assertThat(dribble(client, message)).isLessThanOrEqualTo(27);
                assertThat(client.drainUntilClosed()).isZero();
            } else {
                message.put(new byte[4000]);
                assertThat(dribble(client, message.flip())).isLessThan(80);
            }
            Await.that("it was cut", () -> served.server.status().slow() == 1);
        }
    }

    @Test
    void whoDoesNotReadIsCut() throws IOException {
        try (ServedDevice served = new ServedDevice(device, IMPATIENT);
                RawClient client = RawClient.simple(served.socket)) {
            for (int i = 0; i < 20; i++) {
                client.request(Wire.CMD_READ, 0, i, 0, 1 << 20);
            }
            Await.that("it was cut", () -> served.server.status().slow() == 1);
            assertThat(client.drainUntilClosed()).isLessThan(20L << 20);
        }
    }

    @Test
    void whoReadsAByteNowAndThenIsCut() throws IOException {
        try (ServedDevice served = new ServedDevice(device, IMPATIENT);
                RawClient client = RawClient.simple(served.socket)) {
            for (int i = 0; i < 20; i++) {
                client.request(Wire.CMD_READ, 0, i, 0, 1 << 20);
            }
            Await.that(
                    "it was cut",
                    () -> takesAByte(client) && served.server.status().slow() == 1);
            assertThat(client.drainUntilClosed()).isLessThan(20L << 20);
        }
    }

    private static boolean takesAByte(RawClient client) {
        try {
            return client.receive(1).hasRemaining();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void whoIsIdleIsNotCut() throws IOException {
        try (ServedDevice served = new ServedDevice(device, IMPATIENT);
                RawClient client = RawClient.simple(served.socket)) {
            long begin = System.nanoTime();
            assertThat(client.read(0, 512)).hasSize(512);
            Await.that("time has passed", () -> System.nanoTime() - begin > 1_500_000_000L);
            assertThat(client.read(0, 512)).hasSize(512);
            assertThat(served.server.status().slow()).isZero();
        }
    }

    @Test
    void dawdlersOnEverySeatMakeRoomWithinASecond() throws IOException {
        NbdLimits tight = NbdLimits.standard().withThreads(2, 4);
        try (ServedDevice served = new ServedDevice(device, tight)) {
            List<RawClient> dawdlers = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                RawClient client = RawClient.simple(served.socket);
                client.request(Wire.CMD_WRITE, 0, 1, 0, 4096);
                dawdlers.add(client);
            }
            Await.that("they have all seats", () -> served.server.status().busy() == 4);
            long begin = System.nanoTime();
            try (RawClient next = RawClient.simple(served.socket)) {
                assertThat(next.read(0, 512)).hasSize(512);
            }
            assertThat((System.nanoTime() - begin) / 1_000_000).isLessThan(2_000);
            for (RawClient client : dawdlers) {
                client.close();
            }
        }
    }
}
