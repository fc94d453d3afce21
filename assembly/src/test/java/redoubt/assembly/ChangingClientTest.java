package redoubt.assembly;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.EOFException;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import redoubt.base.ThreadHeartbeat;
import redoubt.base.Threads;
import redoubt.base.WorkerFactory;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.nbd.NbdExports;
import redoubt.nbd.NbdLimits;
import redoubt.nbd.NbdServer;
import redoubt.testkit.Fault;
import redoubt.testkit.PowerRail;
import redoubt.testkit.Seed;

/**
 * Goal: a client that changes its bytes while they are on their way cannot make mirrors differ, nor parity be wrong. Method: an array that is served over
 * NBD, and clients that send writes from memory which others overwrite all the while, several at once and to the same few places; one member
 * is later than the others. Then all that the members hold is compared.
 */
class ChangingClientTest {

    private static final int CLIENTS = 3;
    private static final int ROUNDS = 30;
    private static final int IN_FLIGHT = 4;
    private static final int PLACES = 3;

    /** Larger than what a socket takes at once, so that the kernel comes back for more. */
    private static final int LONGEST_BYTES = 512 << 10;

    private static final int BLOCK = 512;
    private static final int HEADER_BYTES = 28;

    @TempDir
    Path folder;

    @ParameterizedTest
    @EnumSource(names = {"RAID1", "RAID5"})
    void theMembersAgree(SimulatedContainer.Kind kind) throws Exception {
        long seed = Seed.next();
        Path socket = folder.resolve("s");
        try (ThreadHeartbeat heartbeat = new ThreadHeartbeat(MILLISECONDS.toNanos(10));
                SimulatedContainer simulated = new SimulatedContainer(
                        SimulatedContainer.freshImages(kind),
                        AssemblyOptions.WRITABLE,
                        PowerRail.steady(),
                        heartbeat,
                        member -> member.servedBy(WorkerFactory.threads()).timedBy(heartbeat))) {
            simulated.members.getLast().inject(Fault.delaying(MILLISECONDS.toNanos(1), IoOperation.WRITE));
            NbdExports exports = new NbdExports();
            exports.add(SimulatedContainer.NAME, simulated.array(), "");
            IoMemory memory = new IoMemory(
                    new IoMemory.Cut(4096, 64, 4),
                    new IoMemory.Cut(64 << 10, 64, 2),
                    new IoMemory.Cut(256 << 10, 16, 2));
            try (NbdServer server = new NbdServer(exports, memory, NbdLimits.standard())) {
                server.listenUnix(socket);
                letThemWrite(socket, seed);
                assertThat(server.stop(Duration.ofSeconds(10))).isTrue();
            }
            simulated.members.getLast().heal();
            assertThat(simulated.container.stop(SECONDS.toNanos(30)))
                    .as("stopped in good order, seed %d; %s", seed, simulated.complaints)
                    .isTrue();
            Agreement.expect(
                    "seed " + seed,
                    simulated.contents(),
                    simulated.container.picture().volumes().getFirst());
            assertThat(simulated.members.getFirst().content(0, LONGEST_BYTES))
                    .as("something was written")
                    .contains(Client.CHANGED_TO);
        }
    }

    private static void letThemWrite(Path socket, long seed) throws InterruptedException {
        AtomicReference<Throwable> wrong = new AtomicReference<>();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < CLIENTS; i++) {
            long own = seed + i;
            threads.add(Threads.start("client-" + i, () -> {
                try (Client client = new Client(socket, own)) {
                    for (int round = 0; round < ROUNDS; round++) {
                        client.writeSeveral();
                    }
                } catch (Throwable e) {
                    wrong.compareAndSet(null, e);
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(wrong.get()).as("what a client met, seed %d", seed).isNull();
    }

    /** A client whose memory never rests. */
    private static final class Client implements AutoCloseable {
        private static final byte CHANGED_TO = 0x55;

        private final SplittableRandom random;
        private final SocketChannel channel;
        private final ByteBuffer message = ByteBuffer.allocateDirect(HEADER_BYTES + LONGEST_BYTES);
        private final ByteBuffer payload = message.duplicate(); // with a limit of its own
        private final AtomicBoolean over = new AtomicBoolean();
        private final Thread changes;
        private long changed; // of that thread, until it has ended

        Client(Path socket, long seed) throws IOException {
            random = new SplittableRandom(seed);
            channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
            receive(18);
            byte[] name = SimulatedContainer.NAME.getBytes(StandardCharsets.UTF_8);
            ByteBuffer wish = ByteBuffer.allocate(20 + name.length)
                    .putInt(3) // fixed newstyle, no zeroes
                    .putLong(0x49484156454F5054L) // IHAVEOPT
                    .putInt(1) // EXPORT_NAME
                    .putInt(name.length)
                    .put(name);
            send(wish.flip());
            receive(10);
            changes = Threads.start("changes", this::change);
        }

        /** Overwrites what is on its way: word by word, with ever other bytes, and in the end always with the same. */
        private void change() {
            long word = 0;
            while (!over.get()) {
                for (int at = HEADER_BYTES; at + 2 * Long.BYTES <= payload.limit(); at += 64) {
                    payload.putLong(at, ++word);
                    payload.put(at + Long.BYTES, CHANGED_TO);
                }
                changed++;
            }
        }

        void writeSeveral() throws IOException {
            for (int i = 0; i < IN_FLIGHT; i++) {
                int bytes = BLOCK * (1 + random.nextInt(LONGEST_BYTES / BLOCK));
                message.clear()
                        .putInt(0x25609513)
                        .putShort((short) 0)
                        .putShort((short) 1) // WRITE
                        .putLong(i)
                        .putLong((long) random.nextInt(PLACES) * BLOCK)
                        .putInt(bytes)
                        .position(0)
                        .limit(HEADER_BYTES + bytes);
                send(message);
            }
            for (int i = 0; i < IN_FLIGHT; i++) {
                ByteBuffer reply = receive(16);
                if (reply.getInt(0) != 0x67446698 || reply.getInt(4) != 0) {
                    throw new IOException("a write was answered with error " + reply.getInt(4));
                }
            }
        }

        private void send(ByteBuffer bytes) throws IOException {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        }

        private ByteBuffer receive(int length) throws IOException {
            ByteBuffer heard = ByteBuffer.allocate(length);
            while (heard.hasRemaining()) {
                if (channel.read(heard) < 0) {
                    throw new EOFException("the server hung up");
                }
            }
            return heard.flip();
        }

        @Override
        public void close() throws IOException {
            over.set(true);
            try {
                changes.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            channel.close();
            assertThat(changed).as("how often the bytes were changed").isPositive();
        }
    }
}
