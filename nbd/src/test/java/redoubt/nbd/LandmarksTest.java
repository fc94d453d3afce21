package redoubt.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;
import redoubt.nbd.FakeServer.Offer;
import redoubt.nbd.FakeServer.Request;
import redoubt.nbd.FakeServer.Scene;
import redoubt.nbd.FakeServer.Talk;
import redoubt.testkit.Asked;
import redoubt.testkit.Asker;

/**
 * Goal: after a lost connection nothing is asked of another export that has come up under the name, with the size of the one before. Method: a
 * server whose disk is exchanged between two connections, and one that is not.
 */
@SuppressWarnings("try") // servers that play their part by themselves
class LandmarksTest {

    private static final NbdClientOptions PATIENT =
            NbdClientOptions.DEFAULTS.withOwnServerToo(true).withTimeLimitNanos(20_000_000_000L);
    private static final int SIZE = 1 << 20;
    private static final int DONE = Wire.CHUNK_FLAG_DONE;
    private static final Offer ZEROING = Offer.STRUCTURED.withFlags(Offer.USUAL | Wire.FLAG_SEND_WRITE_ZEROES);

    @TempDir
    Path folder;

    private final AtomicReference<Talk> talking = new AtomicReference<>();
    private final AtomicInteger askedAfterwards = new AtomicInteger();
    private final CountDownLatch abandoned = new CountDownLatch(1);

    private Path place() {
        return folder.resolve("s");
    }

    private NbdClient client(NbdClientOptions options) throws IOException {
        NbdClient client = NbdClient.open(new NbdUri(null, 0, place().toString(), ""), options);
        client.whenHung(abandoned::countDown);
        return client;
    }

    /** Good, and can be cut off. */
    private void behave(Talk talk) throws IOException {
        talking.set(talk);
        talk.behave(true);
    }

    /** Counts what is asked of it when the client should have seen that it is another. */
    private void count(Talk talk) throws IOException {
        Request request = talk.request();
        if (request.type() != Wire.CMD_DISC) {
            askedAfterwards.incrementAndGet();
        }
    }

    private void cut() throws IOException {
        talking.get().channel.shutdownOutput();
    }

    private static void await(CountDownLatch latch) {
        Await.that("it has happened", () -> latch.getCount() == 0);
    }

    private void demandThatItWasAbandoned(Asker asker) {
        await(abandoned);
        assertThat(asker.flush()).isIn(IoStatus.GONE, IoStatus.TIMED_OUT);
        assertThat(askedAfterwards).hasValue(0);
    }

    private static void demandThatItGoesOn(NbdClient client, Asker asker) {
        Await.that("it is connected again", () -> client.reconnections() == 1);
        assertThat(asker.read(100 << 10, 512)).isEqualTo(FakeServer.content(100 << 10, 512));
        assertThat(asker.writeFua(0, new byte[SIZE / 4])).isEqualTo(IoStatus.OK);
    }

    // ---- Another export. ----

    /** What the export that has come up instead holds. */
    enum Instead {
        NOTHING {
            @Override
            void becomes(byte[] disk) {
                Arrays.fill(disk, (byte) 0);
            }
        },
        ANOTHER_FIRST_BYTE {
            @Override
            void becomes(byte[] disk) {
                disk[0]++;
            }
        },
        ANOTHER_BYTE_AT_THE_END_OF_THE_FIRST_8_KIB {
            @Override
            void becomes(byte[] disk) {
                disk[8191]++;
            }
        },
        ANOTHER_BYTE_AT_THE_BEGINNING_OF_THE_LAST_8_KIB {
            @Override
            void becomes(byte[] disk) {
                disk[SIZE - 8192]++;
            }
        },
        ANOTHER_LAST_BYTE {
            @Override
            void becomes(byte[] disk) {
                disk[SIZE - 1]++;
            }
        };

        abstract void becomes(byte[] disk);
    }

    @ParameterizedTest
    @EnumSource
    void anotherExportOfTheSameSizeIsNotAsked(Instead instead) throws Exception {
        try (FakeServer server = FakeServer.playing(place(), Offer.STRUCTURED, this::behave, this::count);
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            assertThat(asker.read(65536, 512)).isEqualTo(FakeServer.content(65536, 512));
            instead.becomes(server.disk());
            cut();
            demandThatItWasAbandoned(asker);
        }
    }

    /** Goal: so it is with requests that wait for the connection. Method: a read that the first server did not answer. */
    @Test
    void whatWasUnderWayIsNotAskedOfAnotherExport() throws Exception {
        AtomicReference<FakeServer> server = new AtomicReference<>();
        try (FakeServer fake = FakeServer.playing(
                        place(),
                        Offer.STRUCTURED,
                        talk -> {
                            talk.request();
                            server.get().disk()[SIZE - 1]++;
                        },
                        this::count);
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            server.set(fake);
            Asked read = asker.startRead(65536, 512);
            assertThat(read.await()).isEqualTo(IoStatus.TIMED_OUT);
            demandThatItWasAbandoned(asker);
        }
    }

    /** Goal: a copy from before our own writes is another export. Method: the disk goes back to what it was. */
    @ParameterizedTest
    @EnumSource
    void anOlderCopyIsNotAsked(Change change) throws Exception {
        try (FakeServer server = FakeServer.playing(place(), ZEROING, this::behave, this::count);
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            byte[] before = server.disk().clone();
            change.happens(asker);
            assertThat(asker.flush()).isEqualTo(IoStatus.OK);
            System.arraycopy(before, 0, server.disk(), 0, SIZE);
            cut();
            demandThatItWasAbandoned(asker);
        }
    }

    // ---- The same export. ----

    /** A change of our own at the ends. */
    enum Change {
        WRITTEN_WITHIN {
            @Override
            void happens(Asker asker) {
                assertThat(asker.write(512, new byte[1024])).isEqualTo(IoStatus.OK);
            }
        },
        WRITTEN_ACROSS_THE_EDGE {
            @Override
            void happens(Asker asker) {
                assertThat(asker.write(SIZE - 10240, bytes(4096))).isEqualTo(IoStatus.OK);
            }
        },
        WRITTEN_OVER_ALL {
            @Override
            void happens(Asker asker) {
                assertThat(asker.write(0, bytes(SIZE))).isEqualTo(IoStatus.OK);
                assertThat(asker.writeFua(100 << 10, FakeServer.content(100 << 10, 512)))
                        .isEqualTo(IoStatus.OK);
            }
        },
        ZEROED {
            @Override
            void happens(Asker asker) {
                assertThat(asker.ask(IoOperation.WRITE_ZEROES, 4096, 40 << 10, 0, null))
                        .isEqualTo(IoStatus.OK);
            }
        },
        WRITTEN_DURABLY_AT_THE_END {
            @Override
            void happens(Asker asker) {
                assertThat(asker.writeFua(SIZE - 512, bytes(512))).isEqualTo(IoStatus.OK);
            }
        };

        static byte[] bytes(int length) {
            return FakeServer.content(length + 1, length);
        }

        abstract void happens(Asker asker);
    }

    @ParameterizedTest
    @EnumSource
    void whatWeChangedOurselvesDoesNotMakeItAnother(Change change) throws Exception {
        try (FakeServer server = FakeServer.playing(place(), ZEROING, this::behave, this::behave);
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            change.happens(asker);
            assertThat(asker.flush()).isEqualTo(IoStatus.OK);
            cut();
            demandThatItGoesOn(client, asker);
            assertThat(server.connections()).isEqualTo(2);
        }
    }

    /** As above, where the server has no command for zeroes: they go as data of the client's own, in several steps. */
    @Test
    void zeroesThatWereWrittenAsDataAreKnown() throws Exception {
        try (FakeServer server = FakeServer.playing(place(), Offer.STRUCTURED, this::behave, this::behave);
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            assertThat(asker.ask(IoOperation.WRITE_ZEROES, SIZE - (200 << 10), 200 << 10, 0, null))
                    .isEqualTo(IoStatus.OK);
            assertThat(asker.flush()).isEqualTo(IoStatus.OK);
            cut();
            demandThatItGoesOn(client, asker);
            assertThat(server.connections()).isEqualTo(2);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {512, 4096, 8192, 12288, 16384})
    void aSmallExportIsKnownToo(int size) throws Exception {
        Offer small = Offer.STRUCTURED.withSize(size);
        try (FakeServer server = FakeServer.playing(place(), small, this::behave, this::behave, this::count);
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            assertThat(asker.writeFua(size / 2 & -512, Change.bytes(512))).isEqualTo(IoStatus.OK);
            cut();
            Await.that("it is connected again", () -> client.reconnections() == 1);
            assertThat(asker.read(size / 2 & -512, 512)).isEqualTo(Change.bytes(512));
            server.disk()[size / 2]++;
            cut();
            demandThatItWasAbandoned(asker);
        }
    }

    @Test
    void anExportOfNothingIsAskedAgain() throws Exception {
        Scene nothing = new Scene(Offer.STRUCTURED.withSize(0), true, this::behave);
        try (FakeServer server = FakeServer.playing(place(), nothing);
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            assertThat(asker.flush()).isEqualTo(IoStatus.OK);
            cut();
            Await.that("it is connected again", () -> client.reconnections() == 1);
            assertThat(asker.flush()).isEqualTo(IoStatus.OK);
            assertThat(server.connections()).isEqualTo(2);
        }
    }

    // ---- What is not certain. ----

    /**
     * Goal: two changes at once in one place make it doubtful what is there, until it was read again. Method: a server that keeps the first
     * of two answers back until it has both, and carries them out in the other order.
     */
    @Test
    void whatTwoChangesAtOnceHaveLeftIsReadAgain() throws Exception {
        try (FakeServer server = FakeServer.playing(
                        place(),
                        Offer.STRUCTURED,
                        talk -> {
                            Request first = talk.request();
                            byte[] older = talk.receive(first.length()).array();
                            Request second = talk.request();
                            talk.answer(second, true);
                            talk.simple(first.cookie(), 0);
                            System.arraycopy(older, 0, talk.disk, (int) first.offset(), older.length);
                            Request again = talk.request();
                            assertThat(again.type()).isEqualTo(Wire.CMD_READ);
                            assertThat(again.offset()).isEqualTo(SIZE - 8192);
                            talk.answer(again, true);
                            behave(talk);
                        },
                        this::behave);
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            Asked first = asker.startWrite(SIZE - 4096, Change.bytes(4096), IoRequest.FUA);
            Asked second = asker.startWrite(SIZE - 4096, new byte[4096], IoRequest.FUA);
            assertThat(first.await()).isEqualTo(IoStatus.OK);
            assertThat(second.await()).isEqualTo(IoStatus.OK);
            Await.that("it was read again", () -> talking.get() != null);
            cut();
            demandThatItGoesOn(client, asker);
            assertThat(server.connections()).isEqualTo(2);
        }
    }

    /** Goal: what is not certain is not compared. Method: the connection is lost before the answer to that reading. */
    @Test
    void whatIsInDoubtWhenTheConnectionIsLostEndsIt() throws Exception {
        try (FakeServer server = FakeServer.playing(
                        place(),
                        Offer.STRUCTURED,
                        talk -> {
                            Request refused = talk.request();
                            talk.receive(refused.length());
                            talk.simple(refused.cookie(), Wire.EIO);
                            assertThat(talk.request().type()).isEqualTo(Wire.CMD_READ);
                        },
                        this::count);
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            assertThat(asker.write(0, new byte[512])).isEqualTo(IoStatus.IO_ERROR);
            demandThatItWasAbandoned(asker);
            assertThat(server.connections()).isEqualTo(1);
        }
    }

    /** Goal: a disk with a bad spot at its end is a disk. Method: a server that cannot read there. */
    @Test
    void anExportWhoseEndsCannotBeReadServesUntilTheConnectionIsLost() throws Exception {
        Scene bad = new Scene(Offer.STRUCTURED, true, talk -> {
            talk.answer(talk.request(), true);
            talk.simple(talk.request().cookie(), Wire.EIO);
            behave(talk);
        });
        try (FakeServer server = FakeServer.playing(place(), bad, new Scene(Offer.STRUCTURED, false, this::count));
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            assertThat(asker.read(65536, 512)).isEqualTo(FakeServer.content(65536, 512));
            assertThat(asker.writeFua(65536, new byte[512])).isEqualTo(IoStatus.OK);
            cut();
            demandThatItWasAbandoned(asker);
            assertThat(server.connections()).isEqualTo(1);
        }
    }

    @Test
    void anExportWhoseEndsCannotBeReadAnyMoreIsNotAsked() throws Exception {
        try (FakeServer ignored = FakeServer.playing(
                        place(),
                        new Scene(Offer.STRUCTURED, false, this::behave),
                        new Scene(Offer.STRUCTURED, true, talk -> {
                            talk.answer(talk.request(), true);
                            talk.simple(talk.request().cookie(), Wire.EIO);
                            count(talk);
                        }));
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            assertThat(asker.read(0, 512)).isEqualTo(FakeServer.content(0, 512));
            cut();
            demandThatItWasAbandoned(asker);
        }
    }

    // ---- Connections that are lost again. ----

    /** Goal: half a comparison is none. Method: servers that go away before, between and in the answers, then one that stays. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aComparisonThatWasCutOffIsMadeAnew(boolean other) throws Exception {
        Offer offer = Offer.STRUCTURED;
        try (FakeServer server = FakeServer.playing(
                        place(),
                        new Scene(offer, true, talk -> talk.request()),
                        new Scene(offer, true, talk -> talk.answer(talk.request(), true)),
                        new Scene(offer, false, this::behave),
                        new Scene(offer, true, talk -> talk.request()),
                        new Scene(offer, true, talk -> talk.answer(talk.request(), true)),
                        new Scene(offer, true, talk -> {
                            talk.answer(talk.request(), true);
                            Request to = talk.request();
                            ByteBuffer half = ByteBuffer.allocate(4096).putLong(0, to.offset());
                            talk.chunk(DONE, Wire.CHUNK_OFFSET_DATA, to.cookie(), 8 + to.length(), half);
                        }),
                        new Scene(offer, true, talk -> {
                            talk.request();
                            talk.send(ByteBuffer.allocate(20));
                            talk.receive(SIZE);
                        }),
                        new Scene(offer, false, other ? this::count : this::behave));
                NbdClient client = client(PATIENT);
                Asker asker = new Asker(client)) {
            assertThat(asker.read(65536, 512)).isEqualTo(FakeServer.content(65536, 512));
            if (other) {
                server.disk()[100]++;
            }
            cut();
            if (other) {
                demandThatItWasAbandoned(asker);
            } else {
                assertThat(asker.read(512, 512)).isEqualTo(FakeServer.content(512, 512));
                assertThat(server.connections()).isEqualTo(8);
            }
        }
    }

    /** Goal: the wait for a comparison is bounded. Method: a server that agrees and then says nothing. */
    @Test
    void aServerThatDoesNotLetItselfBeComparedEndsAtTheTimeLimit() throws Exception {
        try (FakeServer ignored = FakeServer.playing(
                        place(),
                        new Scene(Offer.STRUCTURED, false, this::behave),
                        new Scene(Offer.STRUCTURED, true, talk -> talk.receive(SIZE)));
                NbdClient client = client(PATIENT.withTimeLimitNanos(500_000_000L));
                Asker asker = new Asker(client)) {
            assertThat(asker.read(65536, 512)).isEqualTo(FakeServer.content(65536, 512));
            cut();
            demandThatItWasAbandoned(asker);
        }
    }
}
