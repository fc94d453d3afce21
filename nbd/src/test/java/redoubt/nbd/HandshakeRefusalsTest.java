package redoubt.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.nbd.RawClient.OptionReply;

/** What a client before transmission may get wrong, and what it is told. One test for each; after each the next client is served. */
class HandshakeRefusalsTest {

    private static final byte[] NOTHING = {};

    private ServedDevice served;

    @BeforeEach
    void serve() throws IOException {
        served = new ServedDevice(new MemoryExport(1 << 20));
    }

    @AfterEach
    void theNextClientIsServed() throws IOException {
        try (RawClient client = RawClient.simple(served.socket)) {
            assertThat(client.read(0, 512)).hasSize(512);
        } finally {
            served.close();
        }
    }

    private void isRefused(int option, byte[] data, int type) throws IOException {
        try (RawClient client = RawClient.greeted(served.socket)) {
            client.option(option, data);
            OptionReply reply = client.optionReply();
            assertThat(reply.option()).isEqualTo(option);
            assertThat(Integer.toHexString(reply.type())).isEqualTo(Integer.toHexString(type));
            assertThat(reply.text()).isNotEmpty();
            // The conversation goes on.
            client.go("first");
        }
    }

    private void isCut(byte[] bytes) throws IOException {
        try (RawClient client = RawClient.greeted(served.socket)) {
            client.send(bytes);
            assertThat(client.isClosed()).isTrue();
        }
    }

    private static byte[] ints(int... values) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length);
        for (int value : values) {
            bytes.putInt(value);
        }
        return bytes.array();
    }

    @Test
    void unknownClientFlagsEndTheConversation() throws IOException {
        try (RawClient client = new RawClient(served.socket)) {
            client.greeting();
            client.clientFlags(0xFFFFFFFF);
            assertThat(client.isClosed()).isTrue();
        }
    }

    @Test
    void silenceAfterTheGreetingIsCutAtTheLimit() throws IOException {
        long begin = System.nanoTime();
        try (RawClient client = new RawClient(served.socket)) {
            client.greeting();
            assertThat(client.isClosed()).isTrue();
        }
        assertThat((System.nanoTime() - begin) / 1_000_000).isBetween(1_900L, 3_500L);
    }

    @Test
    void aWrongOptionMagicIsCut() throws IOException {
        isCut(ByteBuffer.allocate(16).putLong(0x1234).array());
    }

    @ParameterizedTest
    @ValueSource(ints = {Wire.OPT_EXPORT_NAME, Wire.OPT_LIST, Wire.OPT_GO, Wire.OPT_SET_META_CONTEXT, 99})
    void anOptionOfFourGigabytesIsCut(int option) throws IOException {
        try (RawClient client = RawClient.greeted(served.socket)) {
            client.send(RawClient.optionBytes(option, 0xFFFFFFFF, NOTHING));
            if (option != Wire.OPT_EXPORT_NAME) {
                client.expect(Wire.REP_ERR_TOO_BIG);
            }
            assertThat(client.isClosed()).isTrue();
        }
    }

    @Test
    void unknownOptionsAreUnsupported() throws IOException {
        isRefused(4, NOTHING, Wire.REP_ERR_UNSUP);
        isRefused(11, NOTHING, Wire.REP_ERR_UNSUP);
        isRefused(0x7FFFFFFF, new byte[100], Wire.REP_ERR_UNSUP);
        isRefused(99, new byte[20_000], Wire.REP_ERR_UNSUP);
    }

    @Test
    void aLongOptionIsSkippedAndRefused() throws IOException {
        isRefused(Wire.OPT_GO, RawClient.goData("x".repeat(20_000)), Wire.REP_ERR_TOO_BIG);
    }

    @Test
    void twentyThousandUnknownOptionsAreCutOff() throws IOException {
        ByteBuffer all = ByteBuffer.allocate(20_000 * 16);
        for (int i = 0; i < 20_000; i++) {
            all.put(RawClient.optionBytes(1000, 0, NOTHING));
        }
        try (RawClient client = RawClient.greeted(served.socket)) {
            assertThat(sendUntilRefused(client, all.flip())).isLessThan(20_000 * 16);
            client.drainUntilClosed();
        }
    }

    @Test
    void threeThousandListsWhoseAnswersNobodyReadsHoldUpNobody() throws IOException {
        ByteBuffer all = ByteBuffer.allocate(3_000 * 16);
        for (int i = 0; i < 3_000; i++) {
            all.put(RawClient.optionBytes(Wire.OPT_LIST, 0, NOTHING));
        }
        try (RawClient client = RawClient.greeted(served.socket)) {
            client.channel.configureBlocking(false);
            client.channel.write(all.flip());
            try (RawClient next = RawClient.simple(served.socket)) {
                assertThat(next.read(0, 512)).hasSize(512);
            }
        }
    }

    /** Sends as much as the server takes before it closes; answers how much that was. */
    private static int sendUntilRefused(RawClient client, ByteBuffer bytes) throws IOException {
        client.channel.configureBlocking(false);
        ByteBuffer scrap = ByteBuffer.allocate(1 << 16);
        try {
            while (bytes.hasRemaining()) {
                client.channel.write(bytes);
                if (client.channel.read(scrap.clear()) < 0) {
                    break;
                }
            }
        } catch (IOException cut) {
            assertThat(cut).hasMessageFindingMatch("(?i)broken pipe|reset");
        }
        client.channel.configureBlocking(true);
        return bytes.position();
    }

    @Test
    void aNameLongerThanItsOptionIsInvalid() throws IOException {
        isRefused(Wire.OPT_GO, ints(0xFFFFFFFF, 0), Wire.REP_ERR_INVALID);
        isRefused(Wire.OPT_INFO, ints(100, 0), Wire.REP_ERR_INVALID);
        isRefused(Wire.OPT_GO, new byte[3], Wire.REP_ERR_INVALID);
    }

    @Test
    void aNameOfFiveThousandBytesIsInvalid() throws IOException {
        isRefused(Wire.OPT_GO, RawClient.goData("x".repeat(5_000)), Wire.REP_ERR_INVALID);
    }

    @Test
    void aNameWithNulIsInvalid() throws IOException {
        isRefused(Wire.OPT_GO, RawClient.goData("fir\0st"), Wire.REP_ERR_INVALID);
    }

    @Test
    void aNameThatIsNoUtf8IsInvalid() throws IOException {
        byte[] data = RawClient.goData("first");
        data[5] = (byte) 0xFF;
        isRefused(Wire.OPT_GO, data, Wire.REP_ERR_INVALID);
    }

    @Test
    void aPathIsJustAnUnknownName() throws IOException {
        isRefused(Wire.OPT_GO, RawClient.goData("../../../etc/passwd"), Wire.REP_ERR_UNKNOWN);
        isRefused(Wire.OPT_INFO, RawClient.goData("/dev/sda"), Wire.REP_ERR_UNKNOWN);
        isCut(RawClient.optionBytes(Wire.OPT_EXPORT_NAME, 6, "../etc".getBytes(StandardCharsets.UTF_8)));
    }

    @Test
    void aWrongCountOfInformationRequestsIsInvalid() throws IOException {
        byte[] data = RawClient.goData("first", 3);
        data[data.length - 3] = 9;
        isRefused(Wire.OPT_GO, data, Wire.REP_ERR_INVALID);
        byte[] many = RawClient.goData("first", 3);
        many[many.length - 4] = (byte) 0xFF;
        isRefused(Wire.OPT_GO, many, Wire.REP_ERR_INVALID);
    }

    @Test
    void tlsIsRefusedEachTimeAndPlaintextBehindItIsReadAsSuch() throws IOException {
        try (RawClient client = RawClient.greeted(served.socket)) {
            ByteBuffer twiceAndMore = ByteBuffer.allocate(1000);
            twiceAndMore.put(RawClient.optionBytes(Wire.OPT_STARTTLS, 0, NOTHING));
            twiceAndMore.put(RawClient.optionBytes(Wire.OPT_STARTTLS, 0, NOTHING));
            twiceAndMore.put(RawClient.optionBytes(Wire.OPT_STARTTLS, 4, ints(1)));
            twiceAndMore.put(RawClient.optionBytes(Wire.OPT_LIST, 0, NOTHING));
            client.send(twiceAndMore.flip());
            client.expect(Wire.REP_ERR_UNSUP);
            client.expect(Wire.REP_ERR_UNSUP);
            client.expect(Wire.REP_ERR_INVALID);
            client.expect(Wire.REP_SERVER);
            client.expectAck();
        }
    }

    @Test
    void structuredRepliesAreAgreedOnOnce() throws IOException {
        try (RawClient client = RawClient.greeted(served.socket)) {
            client.option(Wire.OPT_STRUCTURED_REPLY, ints(1));
            client.expect(Wire.REP_ERR_INVALID);
            client.option(Wire.OPT_STRUCTURED_REPLY, NOTHING);
            client.expectAck();
            client.option(Wire.OPT_STRUCTURED_REPLY, NOTHING);
            client.expect(Wire.REP_ERR_INVALID);
        }
    }

    @Test
    void listWithDataIsInvalid() throws IOException {
        isRefused(Wire.OPT_LIST, ints(1), Wire.REP_ERR_INVALID);
    }

    private OptionReply answerToContexts(byte[] data) throws IOException {
        try (RawClient client = RawClient.greeted(served.socket)) {
            client.option(Wire.OPT_STRUCTURED_REPLY, NOTHING);
            client.expectAck();
            client.option(Wire.OPT_SET_META_CONTEXT, data);
            return client.optionReply();
        }
    }

    @Test
    void contextsNeedStructuredReplies() throws IOException {
        isRefused(Wire.OPT_SET_META_CONTEXT, RawClient.contextQuery("first"), Wire.REP_ERR_INVALID);
        isRefused(Wire.OPT_LIST_META_CONTEXT, RawClient.contextQuery("first"), Wire.REP_ERR_INVALID);
    }

    @Test
    void moreQueriesThanThereAreIsInvalid() throws IOException {
        byte[] name = RawClient.contextQuery("first");
        ByteBuffer.wrap(name).putInt(name.length - 4, 0xFFFFFFFF);
        assertThat(answerToContexts(name).type()).isEqualTo(Wire.REP_ERR_INVALID);
    }

    @Test
    void aMillionQueriesAreTooManyAndCut() throws IOException {
        try (RawClient client = RawClient.greeted(served.socket)) {
            client.option(Wire.OPT_STRUCTURED_REPLY, NOTHING);
            client.expectAck();
            client.send(RawClient.optionBytes(Wire.OPT_SET_META_CONTEXT, 4_000_000 + 13, ints(0, 1_000_000)));
            client.expect(Wire.REP_ERR_TOO_BIG);
            assertThat(client.isClosed()).isTrue();
        }
    }

    @Test
    void aQueryLongerThanItsOptionIsInvalid() throws IOException {
        byte[] data = RawClient.contextQuery("first", "base:allocation");
        ByteBuffer.wrap(data).putInt(13, 1_000);
        assertThat(answerToContexts(data).type()).isEqualTo(Wire.REP_ERR_INVALID);
        ByteBuffer.wrap(data).putInt(13, 0xFFFFFFFF);
        assertThat(answerToContexts(data).type()).isEqualTo(Wire.REP_ERR_INVALID);
    }

    @Test
    void aQueryWithoutColonIsInvalidAndAnUnknownOneIsIgnored() throws IOException {
        assertThat(answerToContexts(RawClient.contextQuery("first", "base")).type())
                .isEqualTo(Wire.REP_ERR_INVALID);
        assertThat(answerToContexts(RawClient.contextQuery("first", "x-other:thing", "base:unheard", "base:"))
                        .type())
                .isEqualTo(Wire.REP_ACK);
        assertThat(answerToContexts(RawClient.contextQuery("second", "base:allocation"))
                        .type())
                .isEqualTo(Wire.REP_ERR_UNKNOWN);
    }

    @Test
    void contextsAreListed() throws IOException {
        try (RawClient client = RawClient.greeted(served.socket)) {
            client.option(Wire.OPT_STRUCTURED_REPLY, NOTHING);
            client.expectAck();
            for (byte[] query : new byte[][] {
                RawClient.contextQuery("first"),
                RawClient.contextQuery("", "base:"),
                RawClient.contextQuery("first", "base:allocation")
            }) {
                client.option(Wire.OPT_LIST_META_CONTEXT, query);
                assertThat(client.expect(Wire.REP_META_CONTEXT).text()).endsWith("base:allocation");
                client.expectAck();
            }
        }
    }

    @Test
    void aFailedChoiceOfContextsForgetsTheLastOne() throws IOException {
        try (RawClient client = RawClient.greeted(served.socket)) {
            client.structured = true;
            client.option(Wire.OPT_STRUCTURED_REPLY, NOTHING);
            client.expectAck();
            client.option(Wire.OPT_SET_META_CONTEXT, RawClient.contextQuery("first", "base:allocation"));
            client.expect(Wire.REP_META_CONTEXT);
            client.expectAck();
            client.option(Wire.OPT_SET_META_CONTEXT, RawClient.contextQuery("first", "base"));
            client.expect(Wire.REP_ERR_INVALID);
            client.go("first");
            assertThat(client.errorOf(Wire.CMD_BLOCK_STATUS, 0, 0, 4096)).isEqualTo(Wire.EINVAL);
        }
    }

    @Test
    void exportNameEntersTransmissionAndOptionsBehindItAreNoRequests() throws IOException {
        for (boolean noZeroes : new boolean[] {true, false}) {
            try (RawClient client = new RawClient(served.socket)) {
                client.greeting();
                client.clientFlags(noZeroes ? 3 : 1);
                client.option(Wire.OPT_EXPORT_NAME, "first".getBytes(StandardCharsets.UTF_8));
                ByteBuffer answer = client.receive(noZeroes ? 10 : 134);
                assertThat(answer.getLong()).isEqualTo(1 << 20);
                client.flags = answer.getShort();
                for (int i = 10; i < answer.limit(); i++) {
                    assertThat(answer.get(i)).isZero();
                }
                assertThat(client.read(512, 512)).hasSize(512);
                client.option(Wire.OPT_LIST, NOTHING);
                client.option(Wire.OPT_LIST, NOTHING);
                assertThat(client.isClosed()).isTrue();
            }
        }
    }

    @Test
    void abortIsAcknowledgedAndEnds() throws IOException {
        try (RawClient client = RawClient.greeted(served.socket)) {
            client.option(Wire.OPT_INFO, RawClient.goData("first", Wire.INFO_NAME, Wire.INFO_DESCRIPTION));
            for (int i = 0; i < 4; i++) {
                client.expect(Wire.REP_INFO);
            }
            client.expectAck();
            client.option(Wire.OPT_ABORT, ints(1, 2, 3));
            client.expectAck();
            assertThat(client.isClosed()).isTrue();
        }
    }

    @Test
    void whatIsSentBehindAnAbortIsNotAnswered() throws IOException {
        try (RawClient client = RawClient.greeted(served.socket)) {
            client.send(ByteBuffer.allocate(200)
                    .put(RawClient.optionBytes(Wire.OPT_STRUCTURED_REPLY, 0, NOTHING))
                    .put(RawClient.optionBytes(Wire.OPT_ABORT, 0, NOTHING))
                    .put(RawClient.optionBytes(Wire.OPT_LIST, 0, NOTHING))
                    .put(RawClient.optionBytes(Wire.OPT_GO, 11, RawClient.goData("first")))
                    .put(RawClient.header(Wire.CMD_READ, 0, 7, 0, 512))
                    .flip());
            client.expectAck();
            client.expectAck();
            assertThat(client.isClosed()).isTrue();
        }
    }

    @Test
    void aHandshakeInSinglePacketsOfOneByteIsUnderstood() throws IOException {
        try (RawClient client = new RawClient(served.socket)) {
            client.greeting();
            ByteBuffer all = ByteBuffer.allocate(200)
                    .putInt(3)
                    .put(RawClient.optionBytes(Wire.OPT_STRUCTURED_REPLY, 0, NOTHING))
                    .put(RawClient.optionBytes(Wire.OPT_GO, 11, RawClient.goData("first")))
                    .put(RawClient.header(Wire.CMD_READ, 0, 7, 0, 512))
                    .flip();
            while (all.hasRemaining()) {
                client.send(all.get());
            }
            client.expectAck();
            client.expect(Wire.REP_INFO);
            client.expect(Wire.REP_INFO);
            client.expectAck();
            assertThat(client.reply().cookie()).isEqualTo(7);
        }
    }

    @Test
    void requestsSentTogetherWithGoAreAnswered() throws IOException {
        try (RawClient client = RawClient.greeted(served.socket)) {
            client.send(ByteBuffer.allocate(200)
                    .put(RawClient.optionBytes(Wire.OPT_GO, 11, RawClient.goData("first")))
                    .put(RawClient.header(Wire.CMD_FLUSH, 0, 8, 0, 0))
                    .put(RawClient.header(Wire.CMD_FLUSH, 0, 9, 0, 0))
                    .flip());
            client.expect(Wire.REP_INFO);
            client.expect(Wire.REP_INFO);
            client.expectAck();
            assertThat(client.reply().cookie()).isEqualTo(8);
            assertThat(client.reply().cookie()).isEqualTo(9);
        }
    }
}
