package redoubt.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import redoubt.base.Threads;
import redoubt.block.BlockDevice;
import redoubt.block.IoStatus;
import redoubt.block.MemoryDevice;
import redoubt.testkit.Asker;
import redoubt.testkit.BlockDeviceContract;

/** A remote disk keeps what every disk promises, and what the network makes of it. */
class NbdClientTest extends BlockDeviceContract {

    private static final NbdClientOptions OPTIONS =
            NbdClientOptions.DEFAULTS.withOwnServerToo(true).withTimeLimitNanos(20_000_000_000L);

    private final List<ServedDevice> servers = new ArrayList<>();

    @Override
    protected BlockDevice open(int blockBytes) throws Exception {
        ServedDevice served = new ServedDevice(new MemoryDevice(SIZE_BYTES, blockBytes));
        servers.add(served);
        return client(served.socket, OPTIONS);
    }

    private static NbdClient client(Path socket, NbdClientOptions options) throws IOException {
        return NbdClient.open(new NbdUri(null, 0, socket.toString(), ""), options);
    }

    @AfterEach
    void stopServers() throws IOException {
        for (ServedDevice served : servers) {
            served.close();
        }
        servers.clear();
    }

    @Test
    void ourOwnExportIsNoMember() throws Exception {
        try (ServedDevice served = new ServedDevice(new MemoryExport(1 << 20))) {
            assertThatThrownBy(() -> client(served.socket, NbdClientOptions.DEFAULTS))
                    .hasMessageContaining("served by this very process");
        }
    }

    @Test
    void anUnknownExportIsRefusedInTheServersWords() throws Exception {
        try (ServedDevice served = new ServedDevice(new MemoryExport(1 << 20))) {
            NbdUri uri = new NbdUri(null, 0, served.socket.toString(), "nothing");
            assertThatThrownBy(() -> NbdClient.open(uri, OPTIONS))
                    .hasMessageContaining("there is no export of this name");
        }
    }

    /** Goal: requests that a lost connection swallowed are asked again. Method: a server that is replaced while it has them. */
    @Test
    void whatWasNotAnsweredIsAskedAgainOverANewConnection() throws Exception {
        HoldingExport device = new HoldingExport(1 << 20, 0);
        ServedDevice first = new ServedDevice(device);
        try (NbdClient client = client(first.socket, OPTIONS);
                Asker asker = new Asker(client)) {
            byte[] data = bytes(8192, 1);
            device.release(Landmarks.COUNT + 2);
            assertThat(asker.write(4096, data)).isEqualTo(IoStatus.OK);
            assertThat(asker.flush()).isEqualTo(IoStatus.OK);
            var read = asker.startRead(4096, 8192);
            Await.that("the device has it", () -> device.held() == 1);
            first.server.stop(Duration.ZERO);
            device.release(Long.MAX_VALUE / 2);
            NbdExports exports = new NbdExports();
            exports.add("again", device, "");
            try (NbdServer second = new NbdServer(exports, first.memory, NbdLimits.standard())) {
                second.listenUnix(first.socket);
                assertThat(read.await()).isEqualTo(IoStatus.OK);
                assertThat(read.content()).isEqualTo(data);
                read.free();
                assertThat(asker.write(0, data)).isEqualTo(IoStatus.OK);
                assertThat(client.reconnections()).isPositive();
            }
        } finally {
            first.close();
            device.close();
        }
    }

    @Test
    void aServerThatNeverAnswersEndsAtTheTimeLimit() throws Exception {
        HoldingExport device = new HoldingExport(1 << 20, 0);
        try (ServedDevice served = new ServedDevice(device)) {
            NbdClient client = client(served.socket, OPTIONS.withTimeLimitNanos(300_000_000L));
            AtomicBoolean told = new AtomicBoolean();
            client.whenHung(() -> told.set(true));
            try (Asker asker = new Asker(client)) {
                var read = asker.startRead(0, 4096);
                assertThat(read.await()).isEqualTo(IoStatus.TIMED_OUT);
                read.free();
                assertThat(told).isTrue();
                assertThat(asker.flush()).isEqualTo(IoStatus.GONE);
            }
            client.close();
            device.release(10);
        } finally {
            device.close();
        }
    }

    @Test
    void aServerThatIsGoneForGoodEndsAtTheTimeLimit() throws Exception {
        ServedDevice served = new ServedDevice(new MemoryExport(1 << 20));
        try (NbdClient client = client(served.socket, OPTIONS.withTimeLimitNanos(300_000_000L));
                Asker asker = new Asker(client)) {
            served.close();
            assertThat(asker.flush()).isEqualTo(IoStatus.TIMED_OUT);
            assertThat(asker.flush()).isEqualTo(IoStatus.GONE);
        }
    }

    @Test
    void whoDoesNotAnswerTheHandshakeIsGivenUp(@TempDir Path folder) throws Exception {
        Path socket = folder.resolve("mute");
        try (ServerSocketChannel mute = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            mute.bind(UnixDomainSocketAddress.of(socket));
            assertThatThrownBy(() -> client(socket, OPTIONS.withConnectMillis(200)))
                    .hasMessageContaining("no answer within 200 ms");
        }
    }

    /** Goal: nonsense from a server is bounded and survived. Method: each piece of nonsense in place of the handshake. */
    @Test
    void nonsenseInTheHandshakeIsRefused(@TempDir Path folder) throws Exception {
        byte[][] answers = {
            new byte[18],
            ByteBuffer.allocate(18)
                    .putLong(Wire.GREETING_MAGIC)
                    .putLong(Wire.OPTION_MAGIC)
                    .array(),
            greetingAnd(new byte[20]),
            greetingAnd(reply(Wire.OPT_STRUCTURED_REPLY, Wire.REP_ACK, 0x7FFFFFFF)),
            greetingAnd(reply(Wire.OPT_STRUCTURED_REPLY, Wire.REP_ACK, -1)),
            greetingAnd(reply(Wire.OPT_LIST, Wire.REP_ACK, 0)),
        };
        for (int i = 0; i < answers.length; i++) {
            byte[] answer = answers[i];
            Path socket = folder.resolve("s" + i);
            try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
                server.bind(UnixDomainSocketAddress.of(socket));
                Thread speaker = Threads.start("speaker", () -> speak(server, answer));
                assertThatThrownBy(() -> client(socket, OPTIONS.withConnectMillis(2_000)))
                        .isInstanceOf(IOException.class)
                        .hasMessageContaining("cannot use nbd+unix");
                speaker.join();
            }
        }
    }

    private static byte[] greetingAnd(byte[] more) {
        return ByteBuffer.allocate(18 + more.length)
                .putLong(Wire.GREETING_MAGIC)
                .putLong(Wire.OPTION_MAGIC)
                .putShort((short) 3)
                .put(more)
                .array();
    }

    private static byte[] reply(int option, int type, int length) {
        return ByteBuffer.allocate(20)
                .putLong(Wire.OPTION_REPLY_MAGIC)
                .putInt(option)
                .putInt(type)
                .putInt(length)
                .array();
    }

    private static void speak(ServerSocketChannel server, byte[] answer) {
        try (SocketChannel client = server.accept()) {
            ByteBuffer bytes = ByteBuffer.wrap(answer);
            while (bytes.hasRemaining()) {
                client.write(bytes);
            }
            ByteBuffer scrap = ByteBuffer.allocate(1000);
            while (client.read(scrap.clear()) >= 0) {
                scrap.clear();
            }
        } catch (IOException left) {
            assertThat(left).isNotNull();
        }
    }
}
