package redoubt.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.Closeable;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.block.BlockLimits;
import redoubt.block.IoMemory;

/** What a well-behaved client sees. */
class NbdServerTest {

    private static final int SIZE = 64 << 20;
    private static final long SEED = 20231117;

    private final MemoryExport device = new MemoryExport(SIZE);

    private static byte[] random(int bytes) {
        byte[] data = new byte[bytes];
        new SplittableRandom(SEED + bytes).nextBytes(data);
        return data;
    }

    @ParameterizedTest
    @ValueSource(ints = {512, 4096, 32 << 10, 33 << 10, 128 << 10, 256 << 10, (256 << 10) + 512, 5 << 20, 32 << 20})
    void whatWasWrittenIsReadBack(int bytes) throws IOException {
        try (ServedDevice served = new ServedDevice(device)) {
            for (boolean structured : new boolean[] {false, true}) {
                try (RawClient client =
                        structured ? RawClient.structured(served.socket) : RawClient.simple(served.socket)) {
                    byte[] data = random(bytes);
                    client.write(9, 1024, data);
                    assertThat(client.reply().cookie()).isEqualTo(9);
                    assertThat(client.read(1024, bytes)).isEqualTo(data);
                    assertThat(device.content.asByteBuffer().slice(1024, bytes)).isEqualTo(ByteBuffer.wrap(data));
                }
            }
        }
    }

    @Test
    void manyRequestsInOneWriteAreAllAnswered() throws IOException {
        try (ServedDevice served = new ServedDevice(device);
                RawClient client = RawClient.simple(served.socket)) {
            ByteBuffer all = ByteBuffer.allocate(1 << 20);
            byte[] data = random(4096);
            for (int i = 0; i < 100; i++) {
                all.put(RawClient.header(Wire.CMD_WRITE, 0, i, 4096L * i, 4096)).put(data);
                all.put(RawClient.header(Wire.CMD_FLUSH, 0, 1000 + i, 0, 0));
            }
            client.send(all.flip());
            boolean[] seen = new boolean[1100];
            for (int i = 0; i < 200; i++) {
                RawClient.Reply reply = client.reply();
                assertThat(reply.error()).isZero();
                seen[(int) reply.cookie()] = true;
            }
            for (int i = 0; i < 100; i++) {
                assertThat(seen[i] && seen[1000 + i]).isTrue();
                assertThat(client.read(4096L * i, 4096)).isEqualTo(data);
            }
        }
    }

    /** Two exports of one client: it is gone when the last of its connections has ended, in order or torn off; who only asked was none. */
    @Test
    void whoCountsTheClientsOfExportsIsToldWhenTheLastIsGone() throws IOException {
        AtomicInteger gone = new AtomicInteger();
        ExportClients clients = new ExportClients(gone::incrementAndGet);
        try (ServedDevice served = new ServedDevice(device)) {
            served.exports.add("a", device, "", clients);
            served.exports.add("b", device, "", clients);
            try (RawClient asks = RawClient.greeted(served.socket);
                    RawClient other = RawClient.simple(served.socket)) {
                asks.option(Wire.OPT_LIST, new byte[0]);
                other.read(0, 4096);
            }
            Await.that("both have left", () -> served.server.status().sessions() == 0);
            assertThat(gone).hasValue(0);
            try (RawClient a = RawClient.greeted(served.socket);
                    RawClient b = RawClient.greeted(served.socket)) {
                a.go("a");
                b.go("b");
                a.request(Wire.CMD_DISC, 0, 1, 0, 0);
                Await.that("one has left", () -> served.server.status().sessions() == 1);
                assertThat(gone).hasValue(0);
                assertThat(b.read(0, 4096)).hasSize(4096);
                b.channel.close();
                Await.that("the last is gone", () -> gone.get() == 1);
            }
        }
        assertThat(gone).hasValue(1);
    }

    /** Goal: nobody is served before the server says so. Method: two clients, one of which came in by a way of its own. */
    @Test
    void whileAServerHoldsItsClientsWaitAndOnlyOneWayIsOpen() throws IOException {
        Path folder = Files.createTempDirectory("nbd");
        NbdExports exports = new NbdExports();
        exports.add("first", device, "");
        IoMemory memory = new IoMemory(new IoMemory.Cut(4096, 64, 4), new IoMemory.Cut(256 << 10, 8, 2));
        try (NbdServer server = new NbdServer(exports, memory, NbdLimits.standard(), List.of(folder))) {
            server.hold();
            server.listenUnix(folder.resolve("s"));
            try (RawClient early = new RawClient(folder.resolve("s"))) {
                try (Closeable way = server.listenMeanwhile(folder.resolve("w"));
                        RawClient first = RawClient.simple(folder.resolve("w"))) {
                    assertThat(first.read(0, 4096)).hasSize(4096);
                    assertThat(way).isNotNull();
                }
                assertThat(folder.resolve("w")).doesNotExist();
                assertThat(server.status().accepted()).isEqualTo(1);
                server.letIn();
                early.greeting();
                assertThat(server.status().accepted()).isEqualTo(2);
            }
        } finally {
            Files.delete(folder); // which nothing is left in
        }
    }

    @Test
    void whoWaitsForAServerThatHoldsIsSentAwayWhenItStops() throws IOException {
        Path folder = Files.createTempDirectory("nbd");
        NbdServer server = new NbdServer(
                new NbdExports(),
                new IoMemory(new IoMemory.Cut(256 << 10, 8, 2)),
                NbdLimits.standard(),
                List.of(folder));
        server.hold();
        server.listenUnix(folder.resolve("s"));
        try (RawClient early = new RawClient(folder.resolve("s"))) {
            server.close();
            assertThatThrownBy(early::greeting).isInstanceOf(IOException.class);
        }
        Files.delete(folder);
    }

    @Test
    void zeroesAreReadAsAHoleByStructuredClients() throws IOException {
        try (ServedDevice served = new ServedDevice(device);
                RawClient client = RawClient.structured(served.socket)) {
            client.request(Wire.CMD_READ, 0, 1, 8192, 65536);
            RawClient.Reply reply = client.reply();
            assertThat(reply.type()).isEqualTo(Wire.CHUNK_OFFSET_HOLE);
            assertThat(ByteBuffer.wrap(reply.data()).getLong()).isEqualTo(8192);
            assertThat(ByteBuffer.wrap(reply.data()).getInt(8)).isEqualTo(65536);
            assertThat(reply.done()).isTrue();
        }
    }

    @Test
    void anUnfragmentedReadComesInOneChunk() throws IOException {
        try (ServedDevice served = new ServedDevice(device);
                RawClient client = RawClient.structured(served.socket)) {
            client.write(1, 0, random(65536));
            client.reply();
            client.request(Wire.CMD_READ, Wire.CMD_FLAG_DF, 1, 0, 131072);
            RawClient.Reply reply = client.reply();
            assertThat(reply.type()).isEqualTo(Wire.CHUNK_OFFSET_DATA);
            assertThat(reply.data()).hasSize(8 + 131072);
            assertThat(reply.done()).isTrue();
            assertThat(client.errorOf(Wire.CMD_READ, Wire.CMD_FLAG_DF, 0, 8 << 20))
                    .isEqualTo(Wire.EOVERFLOW);
        }
    }

    /** Goal: who asks for zeroes only if they are fast hears at once that they are not; who does not mind gets them. */
    @Test
    void zeroesThatAreNotFastAreRefusedToWhoWantsNoOthers() throws IOException {
        MemoryExport slow = new MemoryExport(new BlockLimits(SIZE, 512, 4096, 1 << 20, false, true, false, false));
        try (ServedDevice served = new ServedDevice(slow);
                RawClient client = RawClient.structured(served.socket)) {
            byte[] content = random(8192);
            client.write(1, 0, content);
            client.reply();
            for (int flags : new int[] {0, Wire.CMD_FLAG_NO_HOLE, Wire.CMD_FLAG_FUA}) {
                assertThat(client.errorOf(Wire.CMD_WRITE_ZEROES, Wire.CMD_FLAG_FAST_ZERO | flags, 0, 4096))
                        .isEqualTo(Wire.ENOTSUP);
            }
            assertThat(client.read(0, 8192)).isEqualTo(content);
            assertThat(client.errorOf(Wire.CMD_WRITE_ZEROES, 0, 0, 4096)).isZero();
            assertThat(client.read(0, 4096)).containsOnly(0);
        }
    }

    @Test
    void aHandshakeMayTakeTenSeconds() {
        assertThat(NbdLimits.standard().handshakeMillis()).isEqualTo(10_000);
    }

    @Test
    void zeroesTrimAndFlushAreCarriedOut() throws IOException {
        try (ServedDevice served = new ServedDevice(device);
                RawClient client = RawClient.structured(served.socket)) {
            client.write(1, 0, random(8192));
            client.reply();
            assertThat(client.errorOf(Wire.CMD_WRITE_ZEROES, Wire.CMD_FLAG_NO_HOLE | Wire.CMD_FLAG_FUA, 0, 4096))
                    .isZero();
            assertThat(client.read(0, 4096)).containsOnly(0);
            assertThat(client.errorOf(Wire.CMD_WRITE_ZEROES, Wire.CMD_FLAG_FAST_ZERO, 0, SIZE))
                    .isZero();
            assertThat(client.errorOf(Wire.CMD_TRIM, 0, 0, SIZE)).isZero();
            assertThat(client.errorOf(Wire.CMD_CACHE, 0, 0, SIZE)).isZero();
            assertThat(client.errorOf(Wire.CMD_FLUSH, 0, 0, 0)).isZero();
        }
    }

    @Test
    void blockStatusTellsDataFromHoles() throws IOException {
        try (ServedDevice served = new ServedDevice(device);
                RawClient client = RawClient.structured(served.socket)) {
            client.write(1, 65536, random(65536));
            client.reply();
            client.request(Wire.CMD_BLOCK_STATUS, 0, 2, 0, 3 * 65536);
            ByteBuffer all = ByteBuffer.wrap(client.reply().data());
            assertThat(all.remaining()).isEqualTo(4 + 3 * 8);
            assertThat(all.getInt(4)).isEqualTo(65536);
            assertThat(all.getInt(8)).isEqualTo(Wire.STATE_HOLE | Wire.STATE_ZERO);
            assertThat(all.getInt(16)).isZero();
            client.request(Wire.CMD_BLOCK_STATUS, Wire.CMD_FLAG_REQ_ONE, 3, 1024, 4096);
            ByteBuffer one = ByteBuffer.wrap(client.reply().data());
            assertThat(one.remaining()).isEqualTo(12);
            assertThat(one.getInt(4)).isEqualTo(4096);
        }
    }

    @Test
    void flagsSayWhatTheDeviceCan() throws IOException {
        try (ServedDevice served = new ServedDevice(device);
                RawClient client = RawClient.structured(served.socket)) {
            assertThat(client.size).isEqualTo(SIZE);
            assertThat(client.flags)
                    .isEqualTo(Wire.FLAG_HAS_FLAGS
                            | Wire.FLAG_SEND_FLUSH
                            | Wire.FLAG_SEND_FUA
                            | Wire.FLAG_SEND_TRIM
                            | Wire.FLAG_SEND_WRITE_ZEROES
                            | Wire.FLAG_SEND_DF
                            | Wire.FLAG_CAN_MULTI_CONN
                            | Wire.FLAG_SEND_CACHE
                            | Wire.FLAG_SEND_FAST_ZERO);
        }
    }

    @Test
    void aReadOnlyDeviceRefusesEveryChange() throws IOException {
        MemoryExport readOnly = new MemoryExport(new BlockLimits(SIZE, 512, 4096, 1 << 20, true, true, true, false));
        try (ServedDevice served = new ServedDevice(readOnly);
                RawClient client = RawClient.simple(served.socket)) {
            assertThat(client.flags & Wire.FLAG_READ_ONLY).isNotZero();
            assertThat(client.errorOf(Wire.CMD_TRIM, 0, 0, 4096)).isEqualTo(Wire.EPERM);
            assertThat(client.errorOf(Wire.CMD_WRITE_ZEROES, 0, 0, 4096)).isEqualTo(Wire.EPERM);
            client.write(4, 0, random(40960));
            assertThat(client.reply().error()).isEqualTo(Wire.EPERM);
            assertThat(client.read(0, 512)).containsOnly(0);
        }
    }

    @Test
    void exportsComeAndGoWhileServing() throws IOException {
        try (ServedDevice served = new ServedDevice(device)) {
            served.exports.add("second", new MemoryExport(1 << 20), "");
            try (RawClient client = RawClient.greeted(served.socket)) {
                client.option(Wire.OPT_LIST, new byte[0]);
                assertThat(client.expect(Wire.REP_SERVER).text())
                        .contains("first")
                        .contains("the first export");
                assertThat(client.expect(Wire.REP_SERVER).text()).contains("second");
                client.expectAck();
                client.go("second");
                assertThat(client.size).isEqualTo(1 << 20);
                assertThat(served.exports.remove("second")).isTrue();
                assertThat(client.errorOf(Wire.CMD_READ, 0, 0, 512)).isEqualTo(Wire.ESHUTDOWN);
            }
            try (RawClient client = RawClient.greeted(served.socket)) {
                client.option(Wire.OPT_GO, RawClient.goData("second"));
                assertThat(client.optionReply().type()).isEqualTo(Wire.REP_ERR_UNKNOWN);
            }
        }
    }

    @Test
    void theSocketIsForItsOwnerAloneAndGoesAway(@TempDir Path folder) throws IOException {
        Path place = folder.resolve("socket");
        try (ServedDevice served = new ServedDevice(device)) {
            served.server.listenUnix(place);
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(place)))
                    .isEqualTo("rw-------");
            try (RawClient client = RawClient.simple(place)) {
                assertThat(client.read(0, 512)).containsOnly(0);
            }
            assertThatThrownBy(() -> served.server.listenUnix(place)).hasMessageContaining("another server listens");
        }
        assertThat(folder).isEmptyDirectory();
    }

    private static Path staleSocket(Path folder) throws IOException {
        Path stale = folder.resolve("stale");
        try (var left = java.nio.channels.ServerSocketChannel.open(java.net.StandardProtocolFamily.UNIX)) {
            left.bind(java.net.UnixDomainSocketAddress.of(stale));
        }
        return stale;
    }

    /** Not even root takes away what another user left. */
    @Test
    void aSocketThatAnotherUserLeftBehindIsLeftAlone(@TempDir Path folder) throws IOException {
        assumeTrue("root".equals(System.getProperty("user.name")), "only root can give a file to somebody else");
        Path stale = staleSocket(folder);
        Files.setAttribute(stale, "unix:uid", 65_534, LinkOption.NOFOLLOW_LINKS);
        try (ServedDevice served = new ServedDevice(device)) {
            assertThatThrownBy(() -> served.server.listenUnix(stale))
                    .isInstanceOf(BindException.class)
                    .hasMessageContaining(stale + " is a socket that ")
                    .hasMessageContaining(Files.getOwner(stale).getName() + " left behind");
        }
        assertThat(folder).isDirectoryContaining(stale::equals);
    }

    @Test
    void oursThatNobodyAnswersOnIsReplacedAndAFileIsNot(@TempDir Path folder) throws IOException {
        Path stale = staleSocket(folder);
        Path file = Files.writeString(folder.resolve("file"), "precious");
        try (ServedDevice served = new ServedDevice(device)) {
            served.server.listenUnix(stale);
            RawClient.simple(stale).close();
            assertThatThrownBy(() -> served.server.listenUnix(file)).hasMessageContaining("is no socket");
        }
        assertThat(file).hasContent("precious");
        assertThat(stale).doesNotExist();
    }

    @Test
    void tcpIsForThisMachineOnly() throws IOException {
        try (ServedDevice served = new ServedDevice(device)) {
            InetSocketAddress bound =
                    served.server.listenTcp(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            try (RawClient client = new RawClient(bound)) {
                client.greeting();
                client.clientFlags(1);
                client.go("first");
                assertThat(client.read(0, 512)).containsOnly(0);
            }
            assertThatThrownBy(() -> served.server.listenTcp(new InetSocketAddress(0)))
                    .hasMessageContaining("without encryption");
        }
    }
}
