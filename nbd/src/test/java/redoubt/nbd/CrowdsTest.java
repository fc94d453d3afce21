package redoubt.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import redoubt.block.IoMemory;

/** Many clients, or one that asks for much: whatever they do, the next one is served within a second. */
@Tag("slow")
class CrowdsTest {

    private static final int SIZE = 64 << 20;

    private final MemoryExport device = new MemoryExport(SIZE);

    private static void isServedWithinASecond(Path socket) throws IOException {
        long begin = System.nanoTime();
        try (RawClient next = RawClient.simple(socket)) {
            next.write(1, 0, new byte[4096]);
            assertThat(next.reply().error()).isZero();
            assertThat(next.read(0, 4096)).hasSize(4096);
        }
        assertThat((System.nanoTime() - begin) / 1_000_000).isLessThan(1_000);
    }

    private static void closeAll(List<RawClient> clients) throws IOException {
        for (RawClient client : clients) {
            client.close();
        }
    }

    @Test
    void aThousandHalfOpenAndAThousandIdleClientsHoldUpNobody() throws IOException {
        try (ServedDevice served = new ServedDevice(device, NbdLimits.standard())) {
            List<RawClient> clients = new ArrayList<>();
            for (int i = 0; i < 1_000; i++) {
                clients.add(new RawClient(served.socket));
                clients.add(RawClient.simple(served.socket));
            }
            isServedWithinASecond(served.socket);
            // None of the idle ones was forgotten.
            for (int i = 1; i < clients.size(); i += 100) {
                assertThat(clients.get(i).read(512, 512)).hasSize(512);
            }
            assertThat(served.server.status().sessions()).isBetween(1_000, 1_001);
            closeAll(clients);
        }
    }

    /** TLS is not spoken here: half of them ask for it and do not hear the answer, the others do not even ask. */
    @Test
    void aThousandClientsThatBeginWithTlsAllTheSameHoldUpNobody() throws IOException {
        ByteBuffer hello = ByteBuffer.allocate(5 + 512)
                .put((byte) 22)
                .putShort((short) 0x0301)
                .putShort((short) 512)
                .put((byte) 1)
                .rewind();
        ByteBuffer asked = ByteBuffer.allocate(1000)
                .putInt(3)
                .put(RawClient.optionBytes(Wire.OPT_STARTTLS, 0, new byte[0]))
                .put(hello.duplicate())
                .flip();
        try (ServedDevice served = new ServedDevice(device, NbdLimits.standard())) {
            List<RawClient> clients = new ArrayList<>();
            for (int i = 0; i < 1_000; i++) {
                RawClient client = new RawClient(served.socket);
                client.greeting();
                client.send(i % 2 == 0 ? hello.duplicate() : asked.duplicate());
                clients.add(client);
            }
            isServedWithinASecond(served.socket);
            for (int i = 0; i < clients.size(); i++) {
                if (i % 2 != 0) {
                    clients.get(i).expect(Wire.REP_ERR_UNSUP);
                }
                assertThat(clients.get(i).isClosed()).as("client %d", i).isTrue();
            }
            closeAll(clients);
        }
    }

    @Test
    void aThousandClientsWithARequestEachAreAllAnswered() throws IOException {
        try (ServedDevice served = new ServedDevice(device, NbdLimits.standard())) {
            List<RawClient> clients = new ArrayList<>();
            for (int i = 0; i < 1_000; i++) {
                clients.add(RawClient.simple(served.socket));
            }
            for (int i = 0; i < 1_000; i++) {
                clients.get(i).request(Wire.CMD_READ, 0, i, 4096L * i, 4096);
            }
            for (int i = 0; i < 1_000; i++) {
                assertThat(clients.get(i).reply(4096).cookie()).isEqualTo(i);
            }
            closeAll(clients);
        }
    }

    @Test
    void tooManyHalfOpenClientsMakeTheOldestGo() throws IOException {
        try (ServedDevice served = new ServedDevice(device, NbdLimits.standard().withHandshakes(10))) {
            List<RawClient> clients = new ArrayList<>();
            for (int i = 0; i < 30; i++) {
                clients.add(new RawClient(served.socket));
            }
            isServedWithinASecond(served.socket);
            clients.getFirst().greeting();
            assertThat(clients.getFirst().isClosed()).isTrue();
            closeAll(clients);
        }
    }

    @Test
    void atTheCapGoIsRefusedInWordsAndAPlaceIsKeptForTheOwner() throws IOException {
        try (ServedDevice served = new ServedDevice(device, NbdLimits.standard().withConnections(2))) {
            var tcp = served.server.listenTcp(
                    new java.net.InetSocketAddress(java.net.InetAddress.getLoopbackAddress(), 0));
            List<RawClient> clients = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                clients.add(greeted(tcp));
                clients.get(i).go("");
            }
            try (RawClient refused = greeted(tcp)) {
                assertThatThrownBy(() -> refused.go("")).hasMessageContaining("all places for clients are taken");
                // It may ask again when somebody has left.
                clients.removeFirst().close();
                Await.that("the place is free", () -> served.server.placesTaken() == 1);
                refused.go("");
            }
            Await.that("the place is free", () -> served.server.placesTaken() == 1);
            clients.add(greeted(tcp));
            clients.getLast().go("");
            // Full for everybody but the one who owns the server, and knocks at the Unix socket.
            clients.add(RawClient.simple(served.socket));
            try (RawClient refused = RawClient.greeted(served.socket)) {
                assertThatThrownBy(() -> refused.go("")).hasMessageContaining("all places for clients are taken");
            }
            closeAll(clients);
        }
    }

    private static RawClient greeted(java.net.SocketAddress address) throws IOException {
        RawClient client = new RawClient(address);
        client.greeting();
        client.clientFlags(3);
        return client;
    }

    @Test
    void twoHundredReadsOfThirtyTwoMegabytesByOneWhoLeavesHarmNobody() throws IOException {
        try (ServedDevice served = new ServedDevice(device)) {
            for (int round = 0; round < 3; round++) {
                try (RawClient greedy =
                        round == 1 ? RawClient.structured(served.socket) : RawClient.simple(served.socket)) {
                    for (int i = 0; i < 200; i++) {
                        greedy.request(Wire.CMD_READ, 0, i, 0, 32 << 20);
                    }
                    isServedWithinASecond(served.socket);
                }
                isServedWithinASecond(served.socket);
            }
        }
    }

    @Test
    void tenGreedyClientsLeaveMemoryForTheNext() throws IOException {
        IoMemory small = new IoMemory(new IoMemory.Cut(4096, 16, 1), new IoMemory.Cut(64 << 10, 16, 1));
        try (ServedDevice served = new ServedDevice(device, NbdLimits.standard(), small)) {
            List<RawClient> clients = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                RawClient greedy = RawClient.simple(served.socket);
                clients.add(greedy);
                for (int k = 0; k < 100; k++) {
                    greedy.request(Wire.CMD_READ, 0, k, 0, k % 2 == 0 ? 1 << 20 : 4096);
                }
            }
            isServedWithinASecond(served.socket);
            // And the greedy ones get all they asked for, once they read it.
            for (RawClient greedy : clients) {
                for (int k = 0; k < 100; k++) {
                    greedy.reply(k % 2 == 0 ? 1 << 20 : 4096);
                }
            }
            closeAll(clients);
        }
    }

    @Test
    void tenThousandRequestsInFlightAreAllAnswered() throws IOException {
        try (ServedDevice served = new ServedDevice(device);
                RawClient client = RawClient.simple(served.socket)) {
            ByteBuffer all = ByteBuffer.allocate(10_000 * 28);
            for (int i = 0; i < 10_000; i++) {
                all.put(RawClient.header(Wire.CMD_READ, 0, i, 512L * i, 512));
            }
            client.channel.configureBlocking(false);
            all.flip();
            // Whatever the server holds back: a client that reads gets everything.
            ByteBuffer in = ByteBuffer.allocate(10_000 * 528);
            while (in.hasRemaining()) {
                if (all.hasRemaining()) {
                    client.channel.write(all);
                }
                assertThat(client.channel.read(in)).isNotNegative();
            }
            boolean[] seen = new boolean[10_000];
            for (int i = 0; i < 10_000; i++) {
                assertThat(in.getInt(528 * i)).isEqualTo(Wire.SIMPLE_REPLY_MAGIC);
                assertThat(in.getInt(528 * i + 4)).isZero();
                seen[(int) in.getLong(528 * i + 8)] = true;
            }
            for (boolean one : seen) {
                assertThat(one).isTrue();
            }
        }
    }

    @Test
    void aStormOfFlushesIsAnswered() throws IOException {
        try (ServedDevice served = new ServedDevice(device);
                RawClient client = RawClient.structured(served.socket)) {
            ByteBuffer storm = ByteBuffer.allocate(5_000 * 28);
            for (int i = 0; i < 5_000; i++) {
                storm.put(RawClient.header(Wire.CMD_FLUSH, 0, i, 0, 0));
            }
            client.send(storm.flip());
            for (int i = 0; i < 5_000; i++) {
                assertThat(client.reply().error()).isZero();
            }
        }
    }

    /** Goal: a client that leaves at any byte leaves nothing behind. Method: cut the conversation at each byte in turn, of payloads at some. */
    @Test
    void aClientMayLeaveAtEachByteOfEachMessage() throws IOException {
        ByteBuffer all = ByteBuffer.allocate(10_000)
                .putInt(3)
                .put(RawClient.optionBytes(Wire.OPT_LIST, 0, new byte[0]))
                .put(RawClient.optionBytes(Wire.OPT_STRUCTURED_REPLY, 0, new byte[0]));
        byte[] query = RawClient.contextQuery("first", "base:allocation");
        all.put(RawClient.optionBytes(Wire.OPT_SET_META_CONTEXT, query.length, query));
        byte[] go = RawClient.goData("first", 3);
        all.put(RawClient.optionBytes(Wire.OPT_GO, go.length, go));
        List<Integer> payloads = new ArrayList<>();
        all.put(RawClient.header(Wire.CMD_WRITE, 0, 1, 0, 512));
        payloads.add(all.position());
        all.put(new byte[512]);
        all.put(RawClient.header(Wire.CMD_READ, 0, 2, 0, 65536));
        all.put(RawClient.header(Wire.CMD_BLOCK_STATUS, 0, 3, 0, 65536));
        all.put(RawClient.header(Wire.CMD_WRITE, 0, 1, SIZE, 512));
        payloads.add(all.position());
        all.put(new byte[512]);
        all.put(RawClient.header(Wire.CMD_DISC, 0, 4, 0, 0));
        all.flip();
        int length = all.limit();
        try (ServedDevice served = new ServedDevice(device)) {
            for (int cut = 0; cut <= length; cut++) {
                // Within a payload one byte is like the next: few of those that are neither the first nor the last.
                int at = cut;
                boolean interior = payloads.stream().anyMatch(from -> at > from + 1 && at < from + 511);
                if (interior && cut % 37 != 0) {
                    continue;
                }
                try (RawClient client = new RawClient(served.socket)) {
                    client.send(all.duplicate().limit(cut));
                }
            }
            isServedWithinASecond(served.socket);
            Await.that("all sessions are gone", () -> served.server.status().sessions() == 0);
        }
    }

    @Test
    void whenDescriptorsRunOutAcceptingGoesOnAsSoonAsThereAreSome() throws IOException {
        try (ServedDevice served = new ServedDevice(device)) {
            isServedWithinASecond(served.socket);
            // This also loads the class that waits: without a descriptor no class can be loaded.
            Await.that("all sessions are gone", () -> served.server.status().sessions() == 0);
            List<RawClient> clients = new ArrayList<>();
            try (Hoard hoard = new Hoard()) {
                // A place in the queue of the socket costs our side a descriptor, and the server's when it accepts.
                hoard.giveUpOne();
                clients.add(new RawClient(served.socket));
                Await.that("an accept failed", () -> served.server.status().acceptsFailed() > 0);
            }
            for (RawClient client : clients) {
                client.greeting();
                client.close();
            }
            isServedWithinASecond(served.socket);
        }
    }

    /** Every descriptor that this process can still have. */
    private static final class Hoard implements AutoCloseable {
        private final ArrayDeque<SeekableByteChannel> taken = new ArrayDeque<>();

        Hoard() {
            try {
                while (true) {
                    taken.add(Files.newByteChannel(Path.of("/dev/null")));
                }
            } catch (IOException allTaken) {
                assertThat(allTaken).hasMessageContaining("Too many open files");
            }
        }

        void giveUpOne() throws IOException {
            taken.remove().close();
        }

        @Override
        public void close() throws IOException {
            while (!taken.isEmpty()) {
                giveUpOne();
            }
        }
    }

    /** Goal: what a client does to its buffer after sending cannot matter. Method: read back twice what was answered. */
    @Test
    void aClientThatChangesItsBufferWhileAWriteIsInFlightHarmsNobody() throws Exception {
        HoldingExport late = new HoldingExport(SIZE, 0);
        try (ServedDevice served = new ServedDevice(late);
                RawClient client = RawClient.simple(served.socket)) {
            SplittableRandom random = new SplittableRandom(11);
            byte[] data = new byte[1 << 20];
            random.nextBytes(data);
            byte[] sent = data.clone();
            client.request(Wire.CMD_WRITE, 0, 1, 0, data.length);
            ByteBuffer buffer = ByteBuffer.wrap(data);
            client.send(buffer);
            random.nextBytes(data);
            late.release(1_000);
            assertThat(client.reply().error()).isZero();
            byte[] once = client.read(0, data.length);
            assertThat(once).isEqualTo(sent);
            assertThat(client.read(0, data.length)).isEqualTo(once);
        } finally {
            late.close();
        }
    }

    @Test
    void moreBusyClientsThanSeatsTakeTurns() throws Exception {
        NbdLimits tight = NbdLimits.standard().withThreads(2, 2);
        try (ServedDevice served = new ServedDevice(device, tight)) {
            List<RawClient> clients = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                clients.add(RawClient.simple(served.socket));
            }
            for (int round = 0; round < 20; round++) {
                for (RawClient client : clients) {
                    client.request(Wire.CMD_READ, 0, round, 0, 4096);
                }
                for (RawClient client : clients) {
                    assertThat(client.reply(4096).cookie()).isEqualTo(round);
                }
            }
            closeAll(clients);
        }
    }

    @Test
    void aClientThatIsGoneWithRepliesQueuedIsForgotten() throws IOException {
        try (ServedDevice served = new ServedDevice(device)) {
            for (int i = 0; i < 20; i++) {
                try (RawClient client = RawClient.simple(served.socket)) {
                    for (int k = 0; k < 50; k++) {
                        client.request(Wire.CMD_READ, 0, k, 0, 128 << 10);
                    }
                    SocketChannel channel = client.channel;
                    channel.shutdownInput();
                }
            }
            isServedWithinASecond(served.socket);
            Await.that("all sessions are gone", () -> served.server.status().sessions() == 0);
        }
    }
}
