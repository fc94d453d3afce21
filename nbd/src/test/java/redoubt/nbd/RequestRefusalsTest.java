package redoubt.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a client in transmission may get wrong, and the error it is given. After each the same connection goes on, or the next one. */
class RequestRefusalsTest {

    private static final int SIZE = 1 << 20;

    private ServedDevice served;
    private RawClient client;

    @BeforeEach
    void serve() throws IOException {
        served = new ServedDevice(new MemoryExport(SIZE));
        client = RawClient.structured(served.socket);
    }

    @AfterEach
    void theNextClientIsServed() throws IOException {
        client.close();
        try (RawClient next = RawClient.simple(served.socket)) {
            assertThat(next.read(0, 512)).hasSize(512);
        } finally {
            served.close();
        }
    }

    private void stillInStep() throws IOException {
        assertThat(client.read(0, 512)).hasSize(512);
    }

    private int errorOfWrite(int flags, long offset, int length) throws IOException {
        client.request(Wire.CMD_WRITE, flags, 3, offset, length);
        client.send(new byte[length]);
        return client.reply().error();
    }

    @Test
    void aWrongMagicEndsTheConnection() throws IOException {
        client.send(ByteBuffer.allocate(28).putInt(0x12560953).rewind());
        assertThat(client.isClosed()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, (32 << 20) + 1, Integer.MIN_VALUE})
    void aWriteLongerThanThirtyTwoMegabytesEndsTheConnection(int length) throws IOException {
        client.request(Wire.CMD_WRITE, 0, 1, 0, length);
        assertThat(client.isClosed()).isTrue();
    }

    @Test
    void anUnknownCommandIsInvalid() throws IOException {
        for (int type : new int[] {8, 99, 0xFFFF}) {
            assertThat(client.errorOf(type, 0, 0, 512)).isEqualTo(Wire.EINVAL);
        }
        stillInStep();
    }

    @Test
    void aReadBeyondTheEndIsInvalid() throws IOException {
        assertThat(client.errorOf(Wire.CMD_READ, 0, SIZE, 512)).isEqualTo(Wire.EINVAL);
        assertThat(client.errorOf(Wire.CMD_READ, 0, SIZE - 512, 1024)).isEqualTo(Wire.EINVAL);
        assertThat(client.errorOf(Wire.CMD_READ, 0, 0, 0xFFFFFFFF)).isEqualTo(Wire.EINVAL);
        stillInStep();
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, -512, Long.MIN_VALUE, Long.MAX_VALUE, 1L << 62})
    void anOffsetThatWrapsIsBeyondTheEnd(long offset) throws IOException {
        assertThat(client.errorOf(Wire.CMD_READ, 0, offset, 512)).isEqualTo(Wire.EINVAL);
        assertThat(client.errorOf(Wire.CMD_TRIM, 0, offset, 512)).isEqualTo(Wire.EINVAL);
        assertThat(client.errorOf(Wire.CMD_CACHE, 0, offset, 512)).isEqualTo(Wire.EINVAL);
        assertThat(client.errorOf(Wire.CMD_BLOCK_STATUS, 0, offset, 512)).isEqualTo(Wire.EINVAL);
        assertThat(client.errorOf(Wire.CMD_WRITE_ZEROES, 0, offset, 512)).isEqualTo(Wire.ENOSPC);
        assertThat(errorOfWrite(0, offset, 512)).isEqualTo(Wire.ENOSPC);
        stillInStep();
    }

    @Test
    void aWriteOverTheEndHasNoSpaceAndItsPayloadIsSkipped() throws IOException {
        assertThat(errorOfWrite(0, SIZE, 512)).isEqualTo(Wire.ENOSPC);
        assertThat(errorOfWrite(0, SIZE - 512, 1024)).isEqualTo(Wire.ENOSPC);
        assertThat(errorOfWrite(0, SIZE, 32 << 20)).isEqualTo(Wire.ENOSPC);
        stillInStep();
    }

    @Test
    void lengthZeroIsInvalid() throws IOException {
        for (int type : new int[] {
            Wire.CMD_READ, Wire.CMD_WRITE, Wire.CMD_TRIM, Wire.CMD_CACHE, Wire.CMD_WRITE_ZEROES, Wire.CMD_BLOCK_STATUS
        }) {
            assertThat(client.errorOf(type, 0, 0, 0)).isEqualTo(Wire.EINVAL);
        }
        stillInStep();
    }

    @Test
    void whatIsNotAlignedIsInvalid() throws IOException {
        assertThat(client.errorOf(Wire.CMD_READ, 0, 1, 512)).isEqualTo(Wire.EINVAL);
        assertThat(client.errorOf(Wire.CMD_READ, 0, 0, 511)).isEqualTo(Wire.EINVAL);
        assertThat(errorOfWrite(0, 256, 512)).isEqualTo(Wire.EINVAL);
        assertThat(errorOfWrite(0, 512, 513)).isEqualTo(Wire.EINVAL);
        assertThat(client.errorOf(Wire.CMD_WRITE_ZEROES, 0, 3, 512)).isEqualTo(Wire.EINVAL);
        stillInStep();
    }

    @Test
    void flagsOfOtherCommandsAreInvalid() throws IOException {
        int[][] wrong = {
            {Wire.CMD_READ, Wire.CMD_FLAG_NO_HOLE},
            {Wire.CMD_READ, Wire.CMD_FLAG_FAST_ZERO},
            {Wire.CMD_READ, Wire.CMD_FLAG_REQ_ONE},
            {Wire.CMD_TRIM, Wire.CMD_FLAG_DF},
            {Wire.CMD_TRIM, Wire.CMD_FLAG_NO_HOLE},
            {Wire.CMD_CACHE, Wire.CMD_FLAG_DF},
            {Wire.CMD_WRITE_ZEROES, Wire.CMD_FLAG_DF},
            {Wire.CMD_BLOCK_STATUS, Wire.CMD_FLAG_FAST_ZERO},
            {Wire.CMD_READ, 0xFFFF},
            {Wire.CMD_READ, 1 << 5},
        };
        for (int[] one : wrong) {
            assertThat(client.errorOf(one[0], one[1], 0, 512)).isEqualTo(Wire.EINVAL);
        }
        assertThat(client.errorOf(Wire.CMD_FLUSH, Wire.CMD_FLAG_DF, 0, 0)).isEqualTo(Wire.EINVAL);
        assertThat(errorOfWrite(Wire.CMD_FLAG_DF, 0, 512)).isEqualTo(Wire.EINVAL);
        assertThat(errorOfWrite(0xFFFF, 0, 4096)).isEqualTo(Wire.EINVAL);
        stillInStep();
    }

    @Test
    void fuaIsTakenWithEveryCommand() throws IOException {
        for (int type : new int[] {Wire.CMD_TRIM, Wire.CMD_CACHE, Wire.CMD_WRITE_ZEROES, Wire.CMD_BLOCK_STATUS}) {
            assertThat(client.errorOf(type, Wire.CMD_FLAG_FUA, 0, 512)).isZero();
        }
        assertThat(client.errorOf(Wire.CMD_FLUSH, Wire.CMD_FLAG_FUA, 0, 0)).isZero();
        assertThat(errorOfWrite(Wire.CMD_FLAG_FUA, 0, 512)).isZero();
    }

    @Test
    void unfragmentedReadsNeedStructuredReplies() throws IOException {
        try (RawClient simple = RawClient.simple(served.socket)) {
            assertThat(simple.errorOf(Wire.CMD_READ, Wire.CMD_FLAG_DF, 0, 512)).isEqualTo(Wire.EINVAL);
            assertThat(simple.read(0, 512)).hasSize(512);
        }
    }

    @Test
    void aFlushOfARangeIsInvalid() throws IOException {
        assertThat(client.errorOf(Wire.CMD_FLUSH, 0, 512, 0)).isEqualTo(Wire.EINVAL);
        assertThat(client.errorOf(Wire.CMD_FLUSH, 0, 0, 512)).isEqualTo(Wire.EINVAL);
        stillInStep();
    }

    @Test
    void blockStatusWithoutContextIsInvalid() throws IOException {
        try (RawClient simple = RawClient.simple(served.socket)) {
            assertThat(simple.errorOf(Wire.CMD_BLOCK_STATUS, 0, 0, 512)).isEqualTo(Wire.EINVAL);
        }
    }

    @Test
    void trimAndZeroesOfFourGigabytesAreRefusedOrDone() throws IOException {
        assertThat(client.errorOf(Wire.CMD_TRIM, 0, 0, 0xFFFFFFFF)).isEqualTo(Wire.EINVAL);
        assertThat(client.errorOf(Wire.CMD_WRITE_ZEROES, 0, 0, 0xFFFFFFFF)).isEqualTo(Wire.ENOSPC);
        stillInStep();
    }

    @Test
    void everyErrorComesWithASentenceForStructuredClients() throws IOException {
        client.request(Wire.CMD_READ, 0, 0x0123456789ABCDEFL, 1, 512);
        RawClient.Reply reply = client.reply();
        assertThat(reply.cookie()).isEqualTo(0x0123456789ABCDEFL);
        assertThat(reply.type()).isEqualTo(Wire.CHUNK_ERROR);
        assertThat(reply.done()).isTrue();
        ByteBuffer data = ByteBuffer.wrap(reply.data());
        assertThat(data.getInt()).isEqualTo(Wire.EINVAL);
        assertThat((int) data.getShort()).isEqualTo(data.remaining()).isPositive();
    }

    @Test
    void duplicateCookiesAreTheClientsOwnBusiness() throws IOException {
        for (int i = 0; i < 100; i++) {
            client.request(Wire.CMD_FLUSH, 0, 42, 0, 0);
        }
        for (int i = 0; i < 100; i++) {
            assertThat(client.reply().cookie()).isEqualTo(42);
        }
    }

    @Test
    void disconnectAnswersWhatIsInWorkFirst() throws IOException {
        for (int i = 0; i < 10; i++) {
            client.request(Wire.CMD_FLUSH, 0, i, 0, 0);
        }
        client.request(Wire.CMD_DISC, 0, 0, 0, 0);
        for (int i = 0; i < 10; i++) {
            assertThat(client.reply().error()).isZero();
        }
        assertThat(client.isClosed()).isTrue();
    }
}
