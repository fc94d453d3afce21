package redoubt.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import redoubt.base.Clock;
import redoubt.block.BlockLimits;
import redoubt.block.IoMemory;

/**
 * Goal: whatever a client sends in transmission, each of its requests is answered once, in lawful replies of the right length, and nothing is
 * kept. Method: Jazzer writes to a session that the test itself carries on; the test reads the same bytes in the plainest way and compares. The
 * corpus beside this class runs with every build; {@code JAZZER_FUZZ=1} lets Jazzer look for more.
 *
 * <p>First byte of the input: bit 0 structured replies, bit 1 read-only, bit 2 blocks of 4096 bytes, bit 3 little memory; bits 4 to 6: the
 * rest comes in pieces of 1 &lt;&lt; (2 * n) bytes, 0 for all at once. The cookies of the requests are numbered by the test.
 */
@Tag("slow")
class TransmissionFuzzTest {

    private static final int DEVICE_BYTES = 128 << 10;
    private static final int INPUT_LIMIT_BYTES = 64 << 10;
    private static final int TURNS_LIMIT = 1_000_000;

    private static final SendReserve NO_RESERVE = SendReserve.in(java.util.List.of());

    private static Path folder;
    private static ServerSocketChannel door;
    private static NbdServer server;

    /** A loop that nobody runs: the test does what its thread would. */
    private static final class Idle extends Loop {
        Idle() throws IOException {}

        @Override
        void turn() {}

        @Override
        void ready(SelectionKey key) {}

        @Override
        void visit(Session session) {}

        @Override
        void leave() {}
    }

    /** A request as the input has it. */
    private record Asked(int type, long length) {}

    @BeforeAll
    static void listen() throws IOException {
        folder = Files.createTempDirectory("nbd-fuzz");
        door = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        door.bind(UnixDomainSocketAddress.of(folder.resolve("s")));
        server = new NbdServer(
                new NbdExports(),
                new IoMemory(new IoMemory.Cut(64 << 10, 2, 0)),
                NbdLimits.standard().withThreads(1, 1));
    }

    @AfterAll
    static void close() throws IOException {
        server.close();
        door.close();
        Files.delete(folder.resolve("s"));
        Files.delete(folder);
    }

    @Timeout(value = 10, unit = TimeUnit.MINUTES)
    @FuzzTest(maxDuration = "5m")
    void everyRequestIsAnsweredOnce(byte[] input) throws IOException {
        if (input.length < 1 || input.length > INPUT_LIMIT_BYTES) {
            return;
        }
        int mode = input[0];
        ByteBuffer sent = ByteBuffer.wrap(input.clone(), 1, input.length - 1).slice();
        List<Asked> asked = new ArrayList<>();
        boolean lastIsCut = number(sent, asked);
        boolean structured = (mode & 1) != 0;
        int block = (mode & 4) != 0 ? 4096 : 512;
        MemoryExport device = new MemoryExport(
                new BlockLimits(DEVICE_BYTES, block, 4096, 64 << 10, (mode & 2) != 0, true, true, false));
        device.content.asSlice(DEVICE_BYTES / 2).fill((byte) 7);
        int many = (mode & 8) != 0 ? 2 : 64;
        IoMemory memory = new IoMemory(new IoMemory.Cut(4096, many, 0), new IoMemory.Cut(64 << 10, many, 0));
        NbdLimits limits = NbdLimits.standard().withThreads(1, 1).withRequests(many, 256);
        Stock stock = new Stock(memory, limits);
        DataThread hands = new DataThread(server, stock, limits, Clock.system(), NO_RESERVE, 0);
        Idle owner = new Idle();
        try (SocketChannel client = SocketChannel.open(door.getLocalAddress());
                SocketChannel channel = door.accept()) {
            client.configureBlocking(false);
            channel.configureBlocking(false);
            server.countSession();
            server.takePlace(true);
            Session session = new Session(server, stock, owner, channel, agreed(device, structured), 256, 1);
            session.sitDown(ByteBuffer.allocateDirect(NbdLimits.SEAT_BYTES));
            ByteBuffer replies = carry(session, hands, stock, client, sent, mode >> 4 & 7);
            session.close();
            owner.takeInbox();
            judge(replies, asked, lastIsCut, structured);
        } finally {
            owner.selector.close();
            hands.selector.close();
        }
        assertThat(memory.free()).isEqualTo(memory.total());
        assertThat(stock.commands.free()).isEqualTo(stock.commands.total());
        assertThat(stock.requests.free()).isEqualTo(stock.requests.total());
    }

    /**
     * Reads what the client sends as the protocol's text says, and gives every request its number for a cookie.
     *
     * @return whether the payload of the last one is not all there
     */
    private static boolean number(ByteBuffer sent, List<Asked> asked) {
        int at = 0;
        while (sent.limit() - at >= 28 && sent.getInt(at) == Wire.REQUEST_MAGIC) {
            int type = sent.getShort(at + 6) & 0xFFFF;
            long length = sent.getInt(at + 24) & 0xFFFFFFFFL;
            if (type == Wire.CMD_DISC || (type == Wire.CMD_WRITE && length > Wire.MAX_PAYLOAD_BYTES)) {
                return false;
            }
            sent.putLong(at + 8, asked.size());
            asked.add(new Asked(type, length));
            at += 28;
            if (type == Wire.CMD_WRITE) {
                if (sent.limit() - at < length) {
                    return true;
                }
                at += (int) length;
            }
        }
        return false;
    }

    private static Handshake agreed(MemoryExport device, boolean structured) {
        NbdExports exports = new NbdExports();
        exports.add("first", device, "");
        Handshake handshake = new Handshake(exports, () -> true);
        handshake.input().putInt(3);
        if (structured) {
            handshake.input().put(RawClient.optionBytes(Wire.OPT_STRUCTURED_REPLY, 0, new byte[0]));
            byte[] query = RawClient.contextQuery("first", "base:allocation");
            handshake.input().put(RawClient.optionBytes(Wire.OPT_SET_META_CONTEXT, query.length, query));
        }
        byte[] go = RawClient.goData("first");
        handshake.input().put(RawClient.optionBytes(Wire.OPT_GO, go.length, go));
        handshake.advance();
        assertThat(handshake.stage()).isEqualTo(Handshake.Stage.TRANSMISSION);
        return handshake;
    }

    /** Does with the session what a data thread does, until nothing moves any more; answers all that was replied. */
    private static ByteBuffer carry(
            Session session, DataThread hands, Stock stock, SocketChannel client, ByteBuffer sent, int pieces)
            throws IOException {
        ReplyWriter writer = new ReplyWriter(stock.memory, NO_RESERVE);
        ByteBuffer replies = ByteBuffer.allocate(1 << 20);
        RequestReader.Stop stop = RequestReader.Stop.WANTS_BYTES;
        int whole = sent.limit();
        for (int turn = 0; turn < TURNS_LIMIT; turn++) {
            boolean moved = false;
            if (sent.position() < whole) {
                long end = pieces == 0 ? whole : Math.min(whole, sent.position() + (1L << (2 * pieces)));
                moved = client.write(sent.limit((int) end)) > 0;
            }
            if (stop == RequestReader.Stop.WANTS_BYTES) {
                moved |= session.reader.read(hands.memoryView) > 0;
            }
            session.execution.takeMail();
            session.execution.startWaiting();
            stop = session.reader.parse(hands);
            session.execution.takeMail();
            moved |= writer.flush(session);
            if (replies.remaining() < 1 << 19) {
                replies = ByteBuffer.allocate(2 * replies.capacity()).put(replies.flip());
            }
            moved |= client.read(replies) > 0;
            boolean wantsNothing = stop == RequestReader.Stop.WANTS_BYTES || stop == RequestReader.Stop.ENDS;
            if (!moved && wantsNothing && session.replies.isEmpty()) {
                return replies.flip();
            }
        }
        throw new AssertionError("it does not come to an end: " + stop + ", " + session.execution.commandsInWork()
                + " in work, " + session.replies.count() + " to send");
    }

    private static void judge(ByteBuffer replies, List<Asked> asked, boolean lastIsCut, boolean structured) {
        boolean[] answered = new boolean[asked.size()];
        long[] data = new long[asked.size()];
        while (replies.hasRemaining()) {
            int magic = replies.getInt();
            boolean chunk = magic == Wire.CHUNK_MAGIC;
            assertThat(magic).isIn(Wire.SIMPLE_REPLY_MAGIC, Wire.CHUNK_MAGIC);
            int error = chunk ? 0 : replies.getInt();
            boolean done = !chunk || (replies.getShort() & Wire.CHUNK_FLAG_DONE) != 0;
            int type = chunk ? replies.getShort() & 0xFFFF : -1;
            int number = Math.toIntExact(replies.getLong());
            assertThat(number).isBetween(0, asked.size() - 1);
            assertThat(answered[number])
                    .as("request %d was answered before", number)
                    .isFalse();
            Asked to = asked.get(number);
            long length = chunk ? replies.getInt() : error == 0 && to.type == Wire.CMD_READ ? to.length : 0;
            assertThat(chunk && !structured).isFalse();
            assertThat(length).isBetween(0L, (long) replies.remaining());
            if (type == Wire.CHUNK_OFFSET_DATA) {
                data[number] += length - 8;
            } else if (type == Wire.CHUNK_OFFSET_HOLE) {
                data[number] += replies.getInt(replies.position() + 8);
            } else if (!chunk) {
                data[number] += length;
            }
            if (type == Wire.CHUNK_ERROR) {
                error = replies.getInt(replies.position());
            }
            replies.position(replies.position() + (int) length);
            if (done) {
                answered[number] = true;
                if (to.type == Wire.CMD_READ && error == 0) {
                    assertThat(data[number]).as("bytes of request %d", number).isEqualTo(to.length);
                }
            }
        }
        for (int i = 0; i < answered.length; i++) {
            boolean mayBeMissing = lastIsCut && i == answered.length - 1;
            assertThat(answered[i] || mayBeMissing)
                    .as("request %d of %d is answered", i, answered.length)
                    .isTrue();
        }
    }
}
