package redoubt.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;
import redoubt.nbd.FakeServer.Offer;
import redoubt.nbd.FakeServer.Request;
import redoubt.nbd.FakeServer.Talk;
import redoubt.testkit.Asked;
import redoubt.testkit.Asker;

/**
 * Goal: whatever a remote server says, every request is settled once, within the time limit, with the right status, and nothing leaks. Method:
 * a server that lies, once or for ever. {@link Asker} demands requests and memory back; each test counts the threads.
 */
@Tag("slow")
@SuppressWarnings("try") // servers that play their part by themselves, and closing what is closed again
class HostileServerTest {

    private static final long LIMIT_MILLIS = 500;
    private static final NbdClientOptions PATIENT =
            NbdClientOptions.DEFAULTS.withOwnServerToo(true).withTimeLimitNanos(20_000_000_000L);
    private static final NbdClientOptions IMPATIENT = PATIENT.withTimeLimitNanos(LIMIT_MILLIS * 1_000_000);
    private static final int LENGTH = 64 << 10;
    private static final int DONE = Wire.CHUNK_FLAG_DONE;

    @TempDir
    Path folder;

    private long threads;

    private static long clientThreads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("nbd-client-"))
                .count();
    }

    @BeforeEach
    void countThreads() {
        threads = clientThreads();
    }

    @AfterEach
    void noThreadIsLeft() {
        Await.that("the clients' threads have ended", () -> clientThreads() <= threads);
    }

    private Path place() {
        return folder.resolve("s");
    }

    private NbdClient client(NbdClientOptions options) throws IOException {
        return NbdClient.open(new NbdUri(null, 0, place().toString(), ""), options);
    }

    /** What a server may say wrongly of a READ of 64 KiB, when replies are structured. */
    enum Lie {
        NO_MAGIC {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.send(ByteBuffer.allocate(64));
            }
        },
        NOTHING_BUT_NOISE {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                for (int i = 0; i < 100; i++) {
                    talk.send(ByteBuffer.allocate(4096).putInt(0, 0x12345678 + i));
                }
            }
        },
        COOKIE_OF_AN_EARLIER_COMMAND {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.data(DONE, to.cookie() - (1L << 32), to.offset(), LENGTH);
            }
        },
        COOKIE_OF_AN_EMPTY_PLACE {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.data(DONE, to.cookie() ^ 1, to.offset(), LENGTH);
            }
        },
        COOKIE_BEYOND_ALL_PLACES {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.data(DONE, to.cookie() | 0x7FFFFFFF, to.offset(), LENGTH);
            }
        },
        COOKIE_OF_A_NEGATIVE_PLACE {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.data(DONE, to.cookie() | 0x80000000L, to.offset(), LENGTH);
            }
        },
        SIMPLE_REPLY_WITH_DATA {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.simple(to.cookie(), 0);
                talk.send(ByteBuffer.allocate(LENGTH));
            }
        },
        DATA_BEFORE_THE_RANGE {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.data(DONE, to.cookie(), to.offset() - 512, LENGTH);
            }
        },
        DATA_BEYOND_THE_RANGE {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.data(DONE, to.cookie(), to.offset() + 512, LENGTH);
            }
        },
        DATA_AT_A_NEGATIVE_OFFSET {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.chunk(DONE, Wire.CHUNK_OFFSET_DATA, to.cookie(), 520, at(Long.MIN_VALUE, 512));
            }
        },
        DATA_LONGER_THAN_ASKED_FOR {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.data(DONE, to.cookie(), to.offset(), LENGTH + 512);
            }
        },
        DATA_OF_FOUR_GIGABYTES {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.chunk(DONE, Wire.CHUNK_OFFSET_DATA, to.cookie(), 0xFFFFFFFF, at(to.offset(), 512));
            }
        },
        DATA_OF_NOTHING {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.chunk(0, Wire.CHUNK_OFFSET_DATA, to.cookie(), 8, at(to.offset(), 0));
            }
        },
        THE_SAME_DATA_TWICE_AND_A_PART_NEVER {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.data(0, to.cookie(), to.offset(), LENGTH / 2);
                talk.data(DONE, to.cookie(), to.offset(), LENGTH / 2);
            }
        },
        DATA_THAT_OVERLAPS {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.data(0, to.cookie(), to.offset() + 4096, LENGTH - 8192);
                talk.data(DONE, to.cookie(), to.offset(), 8192);
            }
        },
        A_HOLE_OVER_DATA {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.data(0, to.cookie(), to.offset(), LENGTH / 2);
                talk.hole(DONE, to.cookie(), to.offset() + 512, LENGTH / 2);
            }
        },
        A_HOLE_OF_NOTHING {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.hole(0, to.cookie(), to.offset(), 0);
            }
        },
        A_HOLE_OF_FOUR_GIGABYTES {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.hole(DONE, to.cookie(), to.offset(), 0xFFFFFFFF);
            }
        },
        A_HOLE_WITHOUT_ITS_LENGTH {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.chunk(DONE, Wire.CHUNK_OFFSET_HOLE, to.cookie(), 8, at(to.offset(), 0));
            }
        },
        LESS_THAN_ASKED_FOR {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.data(DONE, to.cookie(), to.offset(), LENGTH - 512);
            }
        },
        AN_END_WITHOUT_DATA {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.chunk(DONE, Wire.CHUNK_NONE, to.cookie(), 0, ByteBuffer.allocate(0));
            }
        },
        AN_END_THAT_IS_NONE {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.chunk(0, Wire.CHUNK_NONE, to.cookie(), 0, ByteBuffer.allocate(0));
            }
        },
        A_CHUNK_OF_AN_UNKNOWN_KIND {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.chunk(DONE, 77, to.cookie(), 0, ByteBuffer.allocate(0));
            }
        },
        BLOCK_STATUS_THAT_NOBODY_ASKED_FOR {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.chunk(DONE, Wire.CHUNK_BLOCK_STATUS, to.cookie(), 12, at(7, 4));
            }
        },
        AN_ERROR_TOO_SHORT {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.chunk(
                        DONE,
                        Wire.CHUNK_ERROR,
                        to.cookie(),
                        4,
                        ByteBuffer.allocate(4).putInt(0, 5));
            }
        },
        AN_ERROR_OF_FOUR_GIGABYTES {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.chunk(DONE, Wire.CHUNK_ERROR, to.cookie(), 0xFFFFFFFF, ByteBuffer.allocate(1 << 16));
            }
        },
        AN_ERROR_WITH_A_SENTENCE_OF_A_MEGABYTE {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.chunk(
                        DONE,
                        Wire.CHUNK_ERROR,
                        to.cookie(),
                        1 << 20,
                        ByteBuffer.allocate(1 << 20).putInt(0, 5));
            }
        },
        A_CUT_IN_THE_HEADER {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                talk.send(ByteBuffer.allocate(7).putInt(0, Wire.CHUNK_MAGIC));
            }
        },
        A_CUT_IN_THE_PAYLOAD {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                ByteBuffer half = at(to.offset(), LENGTH / 2);
                talk.chunk(DONE, Wire.CHUNK_OFFSET_DATA, to.cookie(), 8 + LENGTH, half);
            }
        },
        THE_END_OF_SERVICE {
            @Override
            void tell(Talk talk, Request to) throws IOException {
                ByteBuffer error = ByteBuffer.allocate(6).putInt(0, Wire.ESHUTDOWN);
                talk.chunk(DONE, Wire.CHUNK_ERROR, to.cookie(), 6, error);
            }
        };

        abstract void tell(Talk talk, Request to) throws IOException;

        private static ByteBuffer at(long offset, int more) {
            return ByteBuffer.allocate(8 + more).putLong(0, offset);
        }
    }

    /** Tells the lie, and waits for the client to leave: a lie that the client swallows would leave both waiting. */
    private static void lie(Talk talk, Lie lie) throws IOException {
        Request request = talk.request();
        lie.tell(talk, request);
        if (lie != Lie.A_CUT_IN_THE_HEADER && lie != Lie.A_CUT_IN_THE_PAYLOAD) {
            talk.receive(1 << 20);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aLieIsNotBelievedAndTheRequestAskedAgain(Lie lie) throws Exception {
        try (FakeServer ignored = FakeServer.playing(
                        place(), Offer.STRUCTURED, talk -> lie(talk, lie), talk -> talk.behave(true));
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            assertThat(asker.read(8192, LENGTH)).isEqualTo(FakeServer.content(8192, LENGTH));
            assertThat(client.reconnections()).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aServerThatLiesForEverRunsIntoTheTimeLimit(Lie lie) throws Exception {
        try (FakeServer ignored = FakeServer.playing(place(), Offer.STRUCTURED, talk -> lie(talk, lie));
                NbdClient client = client(IMPATIENT);
                Asker asker = new Asker(client)) {
            CountDownLatch told = new CountDownLatch(1);
            client.whenHung(told::countDown);
            Asked read = asker.startRead(8192, LENGTH);
            Asked other = asker.startRead(0, 512);
            assertThat(read.await()).isEqualTo(IoStatus.TIMED_OUT);
            assertThat(other.await()).isEqualTo(IoStatus.TIMED_OUT);
            await(told);
            assertThat(asker.flush()).isEqualTo(IoStatus.GONE);
        }
    }

    @Test
    void piecesMayComeInAnyOrder() throws Exception {
        try (FakeServer ignored = FakeServer.playing(place(), Offer.STRUCTURED, talk -> {
                    Request to = talk.request();
                    for (int i = 7; i > 0; i -= 2) {
                        talk.data(0, to.cookie(), to.offset() + 8192L * i, 8192);
                    }
                    for (int i = 0; i < 8; i += 2) {
                        talk.data(0, to.cookie(), to.offset() + 8192L * i, 8192);
                    }
                    talk.chunk(DONE, Wire.CHUNK_NONE, to.cookie(), 0, ByteBuffer.allocate(0));
                    talk.behave(true);
                });
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            assertThat(asker.read(512, LENGTH)).isEqualTo(FakeServer.content(512, LENGTH));
            assertThat(client.reconnections()).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4096, (16 << 10) - 6})
    void anErrorWithALongSentenceIsAnError(int sentence) throws Exception {
        try (FakeServer ignored = FakeServer.playing(place(), Offer.STRUCTURED, talk -> {
                    Request to = talk.request();
                    ByteBuffer error = ByteBuffer.allocate(6 + sentence).putInt(0, Wire.EIO);
                    talk.chunk(DONE, Wire.CHUNK_ERROR, to.cookie(), error.remaining(), error.putShort(4, (short)
                            sentence));
                    talk.behave(true);
                });
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            assertThat(asker.ask(IoOperation.READ, 0, LENGTH, 0, null)).isEqualTo(IoStatus.IO_ERROR);
            assertThat(asker.read(512, LENGTH)).isEqualTo(FakeServer.content(512, LENGTH));
            assertThat(client.reconnections()).isZero();
        }
    }

    @Test
    void anAnswerThatComesTwiceEndsTheConnectionAndNothingElse() throws Exception {
        try (FakeServer ignored = FakeServer.playing(
                        place(),
                        Offer.STRUCTURED,
                        talk -> {
                            Request to = talk.request();
                            talk.data(DONE, to.cookie(), to.offset(), to.length());
                            talk.data(DONE, to.cookie(), to.offset(), to.length());
                            talk.receive(1 << 20);
                        },
                        talk -> talk.behave(true));
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            for (int i = 0; i < 5; i++) {
                assertThat(asker.read(4096L * i, LENGTH)).isEqualTo(FakeServer.content(4096L * i, LENGTH));
            }
            assertThat(client.reconnections()).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 15, 16, 17, 40_000})
    void aSimpleReplyThatIsCutIsAskedAgain(int bytes) throws Exception {
        try (FakeServer ignored = FakeServer.playing(
                        place(),
                        Offer.SIMPLE,
                        talk -> {
                            Request to = talk.request();
                            ByteBuffer whole = ByteBuffer.allocate(16 + LENGTH);
                            whole.putInt(Wire.SIMPLE_REPLY_MAGIC).putInt(0).putLong(to.cookie());
                            talk.send(whole.clear().limit(bytes));
                        },
                        talk -> talk.behave(false));
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            assertThat(asker.read(8192, LENGTH)).isEqualTo(FakeServer.content(8192, LENGTH));
        }
    }

    @Test
    void blockStatusThatFitsNotIsNotBelieved() throws Exception {
        int[][] statuses = {
            {8, LENGTH, 0}, // another context than the one agreed on
            {7, 0, 0}, // an extent of nothing
            {7, LENGTH}, // half an extent
            {7}, // none
        };
        for (int[] status : statuses) {
            ByteBuffer body = ByteBuffer.allocate(4 * status.length);
            for (int word : status) {
                body.putInt(word);
            }
            try (FakeServer ignored = FakeServer.playing(place(), Offer.STRUCTURED, talk -> {
                        Request to = talk.request();
                        ByteBuffer flipped = body.duplicate().flip();
                        talk.chunk(DONE, Wire.CHUNK_BLOCK_STATUS, to.cookie(), flipped.remaining(), flipped);
                        talk.receive(1 << 20);
                    });
                    NbdClient client = client(IMPATIENT);
                    Asker asker = new Asker(client)) {
                assertThat(asker.ask(IoOperation.ALLOCATION, 0, LENGTH, 0, null))
                        .isIn(IoStatus.IO_ERROR, IoStatus.TIMED_OUT);
            }
            java.nio.file.Files.delete(place());
        }
    }

    @Test
    void blockStatusThatComesTwiceIsNotAddedUp() throws Exception {
        try (FakeServer ignored = FakeServer.playing(
                        place(),
                        Offer.STRUCTURED,
                        talk -> {
                            Request to = talk.request();
                            for (int i = 0; i < 2; i++) {
                                ByteBuffer body = ByteBuffer.allocate(12)
                                        .putInt(7)
                                        .putInt(LENGTH)
                                        .putInt(0);
                                talk.chunk(i, Wire.CHUNK_BLOCK_STATUS, to.cookie(), 12, body.flip());
                            }
                            talk.receive(1 << 20);
                        },
                        talk -> {
                            Request to = talk.request();
                            ByteBuffer body = ByteBuffer.allocate(12)
                                    .putInt(7)
                                    .putInt(LENGTH)
                                    .putInt(3);
                            talk.chunk(DONE, Wire.CHUNK_BLOCK_STATUS, to.cookie(), 12, body.flip());
                            talk.behave(true);
                        });
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            Asked asked = asker.start(IoOperation.ALLOCATION, 0, LENGTH, 0, null);
            assertThat(asked.await()).isEqualTo(IoStatus.OK);
            assertThat(asked.result()).isEqualTo(1);
        }
    }

    // ---- Writes. ----

    /**
     * Goal: the memory of a write is not given back while it is being sent. Method: a server that refuses when it has the header, and takes
     * the payload only after the client has seen that.
     */
    @Test
    void aWriteThatIsRefusedBeforeItWasSentIsSettledAfterIt() throws Exception {
        CountDownLatch goOn = new CountDownLatch(1);
        CountDownLatch taken = new CountDownLatch(1);
        byte[] data = FakeServer.content(77, 1 << 20);
        byte[][] got = new byte[1][];
        try (FakeServer ignored = FakeServer.playing(place(), Offer.STRUCTURED, talk -> {
                    Request read = talk.request();
                    Request write = talk.request();
                    ByteBuffer error = ByteBuffer.allocate(6).putInt(0, Wire.ENOSPC);
                    talk.chunk(DONE, Wire.CHUNK_ERROR, write.cookie(), 6, error);
                    talk.data(DONE, read.cookie(), read.offset(), read.length());
                    await(goOn);
                    got[0] = talk.receive(write.length()).array();
                    taken.countDown();
                    talk.behave(true);
                });
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            Asked read = asker.startRead(0, 512);
            Asked write = asker.startWrite(0, data, 0);
            // Its answer came behind the refusal.
            assertThat(read.await()).isEqualTo(IoStatus.OK);
            assertThat(write.settled()).isFalse();
            goOn.countDown();
            assertThat(write.await()).isEqualTo(IoStatus.NO_SPACE);
            await(taken);
            assertThat(got[0]).isEqualTo(data);
            assertThat(client.reconnections()).isZero();
        }
    }

    @Test
    void aWriteThatIsDoneBeforeItWasSentIsALie() throws Exception {
        CountDownLatch settled = new CountDownLatch(1);
        try (FakeServer ignored = FakeServer.playing(
                        place(),
                        Offer.STRUCTURED,
                        talk -> {
                            Request to = talk.request();
                            talk.simple(to.cookie(), 0);
                            // Nothing is taken, so that the client cannot be through with sending before it hears that.
                            await(settled);
                        },
                        talk -> talk.behave(true));
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            IoStatus status = asker.write(0, FakeServer.content(0, 1 << 20));
            settled.countDown();
            assertThat(status).isEqualTo(IoStatus.TIMED_OUT);
            assertThat(client.reconnections()).isZero();
        }
    }

    // ---- Zeroes. ----

    private static final Offer ZEROES = Offer.STRUCTURED.withFlags(Offer.USUAL | Wire.FLAG_SEND_WRITE_ZEROES);

    /** Refuses the next request with this error, as a server with structured replies or as one without. */
    private static void refuse(Talk talk, boolean structured, int error) throws IOException {
        Request to = talk.request();
        assertThat(to.type()).as("the command").isEqualTo(Wire.CMD_WRITE_ZEROES);
        if (structured) {
            ByteBuffer body = ByteBuffer.allocate(6).putInt(0, error);
            talk.chunk(DONE, Wire.CHUNK_ERROR, to.cookie(), 6, body);
        } else {
            talk.simple(to.cookie(), error);
        }
    }

    /** Goal: a server that offers zeroing and then cannot do it costs nobody a member. Method: one that refuses, and takes writes. */
    @ParameterizedTest
    @CsvSource({"22,true,1048576", "22,false,1048576", "95,true,1048576", "95,false,1048576", "95,true,8192"})
    void zeroesThatAreRefusedAreWritten(int error, boolean structured, int maximumBytes) throws Exception {
        Offer offer = structured ? ZEROES : Offer.SIMPLE.withFlags(ZEROES.flags());
        try (FakeServer server = FakeServer.playing(place(), offer.withMaximumBytes(maximumBytes), talk -> {
                    refuse(talk, structured, error);
                    for (int left = 3 * LENGTH + 512; left > 0; ) {
                        Request write = talk.request();
                        // The landmarks are read again meanwhile.
                        if (write.type() != Wire.CMD_READ) {
                            assertThat(write.type()).isEqualTo(Wire.CMD_WRITE);
                            assertThat(write.flags()).as("flags").isEqualTo(Wire.CMD_FLAG_FUA);
                            assertThat(write.length()).as("bytes").isBetween(1, maximumBytes);
                            left -= write.length();
                        }
                        talk.answer(write, structured);
                    }
                    talk.behave(structured);
                });
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            int flags = IoRequest.FUA | IoRequest.NO_HOLE;
            assertThat(asker.ask(IoOperation.WRITE_ZEROES, 4096, 3L * LENGTH + 512, flags, null))
                    .isEqualTo(IoStatus.OK);
            byte[] expected = FakeServer.content(0, 1 << 20);
            Arrays.fill(expected, 4096, 4096 + 3 * LENGTH + 512, (byte) 0);
            assertThat(server.disk()).isEqualTo(expected);
            // The next one is asked for anew: it may be one that the server can do.
            assertThat(asker.ask(IoOperation.WRITE_ZEROES, 0, LENGTH, 0, null)).isEqualTo(IoStatus.OK);
            assertThat(client.reconnections()).isZero();
        }
    }

    /** Who wants zeroes only if they are quick writes them better than we do: he may know what is there. */
    @ParameterizedTest
    @ValueSource(ints = {22, 95})
    void zeroesThatWereToBeFastAreRefusedAndNotWritten(int error) throws Exception {
        Offer offer = ZEROES.withFlags(ZEROES.flags() | Wire.FLAG_SEND_FAST_ZERO);
        try (FakeServer server = FakeServer.playing(place(), offer, talk -> {
                    refuse(talk, true, error);
                    while (true) {
                        Request next = talk.request();
                        assertThat(next.type()).as("command").isNotEqualTo(Wire.CMD_WRITE);
                        if (next.type() == Wire.CMD_DISC) {
                            return;
                        }
                        talk.answer(next, true);
                    }
                });
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            assertThat(asker.ask(IoOperation.WRITE_ZEROES, 4096, LENGTH, IoRequest.FAST_ZERO, null))
                    .isEqualTo(IoStatus.UNSUPPORTED);
            assertThat(asker.read(4096, LENGTH)).isEqualTo(FakeServer.content(4096, LENGTH));
            assertThat(server.disk()).isEqualTo(FakeServer.content(0, 1 << 20));
        }
    }

    /** What is no refusal of the kind is an error, and so is one of the writes that came instead. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void zeroesThatFailAreAnError(boolean inTheWrite) throws Exception {
        try (FakeServer ignored = FakeServer.playing(place(), ZEROES, talk -> {
                    refuse(talk, true, inTheWrite ? Wire.ENOTSUP : Wire.EIO);
                    if (inTheWrite) {
                        Request write = talk.request();
                        talk.receive(write.length());
                        talk.simple(write.cookie(), Wire.EINVAL);
                    }
                    talk.behave(true);
                });
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            // Away from the ends, so that no landmark is read meanwhile.
            assertThat(asker.ask(IoOperation.WRITE_ZEROES, 256 << 10, LENGTH, 0, null))
                    .isEqualTo(IoStatus.IO_ERROR);
            assertThat(asker.read(0, LENGTH)).isEqualTo(FakeServer.content(0, LENGTH));
            assertThat(client.reconnections()).isZero();
        }
    }

    /** Goal: zeroes that are being written when the connection is lost are not taken for done. Method: a server that goes in the middle. */
    @Test
    void zeroesThatAreBeingWrittenAreNotLostWithTheConnection() throws Exception {
        try (FakeServer ignored = FakeServer.playing(
                        place(),
                        ZEROES,
                        talk -> {
                            refuse(talk, true, Wire.ENOTSUP);
                            talk.answer(talk.request(), true);
                            talk.request();
                        },
                        talk -> talk.behave(true));
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            assertThat(asker.ask(IoOperation.WRITE_ZEROES, 256 << 10, 2L * LENGTH, 0, null))
                    .isEqualTo(IoStatus.TIMED_OUT);
            assertThat(client.reconnections()).isZero();
        }
    }

    // ---- Servers that go and come back. ----

    /** What a server did with a write before the connection was lost, and whether it may be believed when it comes back. */
    enum Before {
        WRITTEN(false) {
            @Override
            void happens(Asker asker) {
                assertThat(asker.write(0, new byte[4096])).isEqualTo(IoStatus.OK);
            }
        },
        ZEROED(false) {
            @Override
            void happens(Asker asker) {
                assertThat(asker.ask(IoOperation.WRITE_ZEROES, 0, 100 << 10, 0, null))
                        .isEqualTo(IoStatus.OK);
            }
        },
        WRITTEN_AFTER_A_FLUSH(false) {
            @Override
            void happens(Asker asker) {
                assertThat(asker.write(0, new byte[4096])).isEqualTo(IoStatus.OK);
                assertThat(asker.flush()).isEqualTo(IoStatus.OK);
                assertThat(asker.write(0, new byte[4096])).isEqualTo(IoStatus.OK);
            }
        },
        WRITTEN_AND_FLUSHED(true) {
            @Override
            void happens(Asker asker) {
                assertThat(asker.write(0, new byte[4096])).isEqualTo(IoStatus.OK);
                assertThat(asker.flush()).isEqualTo(IoStatus.OK);
            }
        },
        WRITTEN_DURABLY(true) {
            @Override
            void happens(Asker asker) {
                assertThat(asker.writeFua(0, new byte[4096])).isEqualTo(IoStatus.OK);
            }
        },
        ONLY_READ(true) {
            @Override
            void happens(Asker asker) {
                assertThat(asker.read(0, 4096)).isEqualTo(FakeServer.content(0, 4096));
            }
        };

        final boolean believed;

        Before(boolean believed) {
            this.believed = believed;
        }

        abstract void happens(Asker asker);
    }

    /** Goal: no flush is acknowledged for what a server has forgotten. Method: the server dies after it did something, and comes back. */
    @ParameterizedTest
    @EnumSource
    void aServerThatComesBackIsBelievedOnlyIfNothingCanBeLost(Before before) throws Exception {
        AtomicReference<Talk> first = new AtomicReference<>();
        try (FakeServer server = FakeServer.playing(
                        place(),
                        Offer.STRUCTURED,
                        talk -> {
                            first.set(talk);
                            talk.behave(true);
                        },
                        talk -> talk.behave(true));
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            CountDownLatch told = new CountDownLatch(1);
            client.whenHung(told::countDown);
            before.happens(asker);
            first.get().channel.shutdownOutput();
            if (before.believed) {
                Await.that("it is connected again", () -> client.reconnections() == 1);
                assertThat(asker.flush()).isEqualTo(IoStatus.OK);
                assertThat(asker.read(8192, 512)).isEqualTo(FakeServer.content(8192, 512));
            } else {
                await(told);
                assertThat(asker.flush()).isIn(IoStatus.GONE, IoStatus.TIMED_OUT);
                assertThat(server.connections()).isEqualTo(1);
            }
        }
    }

    /** Goal: a flush is for what was answered before it was sent. Method: a write that is answered between a flush and its answer. */
    @Test
    void aWriteThatOvertakesAFlushIsNotFlushedByIt() throws Exception {
        CountDownLatch flushing = new CountDownLatch(1);
        CountDownLatch cut = new CountDownLatch(1);
        try (FakeServer server = FakeServer.playing(place(), Offer.STRUCTURED, talk -> {
                    Request flush = talk.request();
                    flushing.countDown();
                    Request write = talk.request();
                    talk.receive(write.length());
                    talk.simple(write.cookie(), 0);
                    talk.simple(flush.cookie(), 0);
                    await(cut);
                });
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            CountDownLatch told = new CountDownLatch(1);
            client.whenHung(told::countDown);
            Asked flush = asker.startFlush();
            await(flushing);
            assertThat(asker.write(0, new byte[512])).isEqualTo(IoStatus.OK);
            assertThat(flush.await()).isEqualTo(IoStatus.OK);
            cut.countDown();
            await(told);
            assertThat(server.connections()).isEqualTo(1);
        }
    }

    /** Goal: no write lands after a newer one. Method: the connection is lost while a write is under way. */
    @Test
    void aWriteThatWasUnderWayIsNotSentAgain() throws Exception {
        try (FakeServer server = FakeServer.playing(
                        place(),
                        Offer.STRUCTURED,
                        talk -> {
                            Request write = talk.request();
                            talk.receive(write.length());
                        },
                        talk -> talk.behave(true));
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            assertThat(asker.write(0, new byte[4096])).isEqualTo(IoStatus.TIMED_OUT);
            assertThat(asker.flush()).isEqualTo(IoStatus.GONE);
            assertThat(server.connections()).isEqualTo(1);
        }
    }

    /** Goal: durable means durable. Method: a server without FUA that dies between the write and the flush which makes it durable. */
    @Test
    void aDurableWriteWhoseFlushIsLostIsNotAcknowledged() throws Exception {
        Offer noFua = Offer.STRUCTURED.withFlags(Wire.FLAG_HAS_FLAGS | Wire.FLAG_SEND_FLUSH);
        try (FakeServer ignored = FakeServer.playing(
                        place(),
                        noFua,
                        talk -> {
                            Request write = talk.request();
                            talk.receive(write.length());
                            talk.simple(write.cookie(), 0);
                            talk.request();
                        },
                        talk -> talk.behave(true));
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            assertThat(asker.writeFua(0, new byte[4096])).isEqualTo(IoStatus.TIMED_OUT);
        }
    }

    // ---- Servers that go and come back. ----

    @Test
    void aServerThatGoesAndComesBackIsAskedAgain() throws Exception {
        try (FakeServer server = FakeServer.playing(
                        place(),
                        Offer.STRUCTURED,
                        talk -> {},
                        talk -> talk.request(),
                        talk -> {
                            talk.request();
                            talk.receive(500);
                        },
                        talk -> talk.behave(true));
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            Asked[] all = new Asked[100];
            for (int i = 0; i < all.length; i++) {
                all[i] = i % 2 == 0 ? asker.startFlush() : asker.startRead(512L * i, 4096);
            }
            for (Asked one : all) {
                assertThat(one.await()).isEqualTo(IoStatus.OK);
            }
            assertThat(server.connections()).isEqualTo(4);
        }
    }

    /** What makes it another disk that has come up under the same name. */
    enum Change {
        SHRUNK(Offer.STRUCTURED.withSize((1 << 20) - 512)),
        GROWN(Offer.STRUCTURED.withSize((1 << 20) + 512)),
        READ_ONLY(Offer.STRUCTURED.withFlags(Offer.USUAL | Wire.FLAG_READ_ONLY)),
        WITHOUT_FLUSH(Offer.STRUCTURED.withFlags(Wire.FLAG_HAS_FLAGS | Wire.FLAG_SEND_FUA)),
        SHORTER_TRANSFERS(Offer.STRUCTURED.withMaximumBytes(65536));

        @SuppressWarnings("ImmutableEnumChecker") // a record of numbers
        final Offer later;

        Change(Offer later) {
            this.later = later;
        }
    }

    @ParameterizedTest
    @EnumSource
    void anotherDiskUnderTheSameNameIsNotAsked(Change change) throws Exception {
        boolean[] asked = new boolean[1];
        try (FakeServer ignored =
                        FakeServer.changing(place(), Offer.STRUCTURED, talk -> talk.request(), change.later, talk -> {
                            asked[0] = talk.request().type() != Wire.CMD_DISC;
                        });
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            CountDownLatch told = new CountDownLatch(1);
            client.whenHung(told::countDown);
            assertThat(asker.ask(IoOperation.READ, 0, 4096, 0, null)).isEqualTo(IoStatus.TIMED_OUT);
            await(told);
            assertThat(asker.flush()).isEqualTo(IoStatus.GONE);
        }
        assertThat(asked[0]).isFalse();
    }

    @Test
    void aSizeThatNobodyCanHaveIsRefused() throws Exception {
        for (long size : new long[] {-1, Long.MIN_VALUE}) {
            try (FakeServer ignored =
                    FakeServer.playing(place(), Offer.STRUCTURED.withSize(size), talk -> talk.request())) {
                assertThatThrownBy(() -> client(PATIENT)).hasMessageContaining("what no export can be");
            }
            java.nio.file.Files.delete(place());
        }
        try (FakeServer ignored =
                FakeServer.playing(place(), Offer.STRUCTURED.withMaximumBytes(64), talk -> talk.request())) {
            assertThatThrownBy(() -> client(PATIENT)).hasMessageContaining("what no export can be");
        }
    }

    /** Goal: closing waits for nothing. Method: close while requests are half sent, half answered and not sent at all. */
    @Test
    void closingSettlesWhateverIsUnderWay() throws Exception {
        CountDownLatch half = new CountDownLatch(1);
        try (FakeServer ignored = FakeServer.playing(place(), Offer.STRUCTURED, talk -> {
                    Request to = talk.request();
                    ByteBuffer some = ByteBuffer.allocate(8 + LENGTH / 2).putLong(0, to.offset());
                    talk.chunk(DONE, Wire.CHUNK_OFFSET_DATA, to.cookie(), 8 + LENGTH, some);
                    half.countDown();
                    talk.receive(64 << 20);
                });
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            Asked read = asker.startRead(0, LENGTH);
            await(half);
            Asked write = asker.startWrite(0, new byte[1 << 20], 0);
            Asked other = asker.startWrite(0, new byte[1 << 20], IoRequest.FUA);
            client.close();
            assertThat(read.await()).isEqualTo(IoStatus.GONE);
            assertThat(write.await()).isEqualTo(IoStatus.GONE);
            assertThat(other.await()).isEqualTo(IoStatus.GONE);
        }
    }

    private static void await(CountDownLatch latch) {
        Await.that("it has happened", () -> latch.getCount() == 0);
    }
}
