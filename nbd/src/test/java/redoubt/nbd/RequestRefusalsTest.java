package redoubt.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.block.BlockDevice;
import redoubt.block.BlockLimits;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;

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

    /** Goal: a flag of another command is an error and nothing worse. Method: each of the sixteen flags with each command. */
    @Test
    void flagsOfOtherCommandsAreInvalid() throws IOException {
        int[] lawful = {
            Wire.CMD_FLAG_FUA | Wire.CMD_FLAG_DF, // READ
            Wire.CMD_FLAG_FUA, // WRITE
            -1, // DISC
            Wire.CMD_FLAG_FUA, // FLUSH
            Wire.CMD_FLAG_FUA, // TRIM
            Wire.CMD_FLAG_FUA, // CACHE
            Wire.CMD_FLAG_FUA | Wire.CMD_FLAG_NO_HOLE | Wire.CMD_FLAG_FAST_ZERO, // WRITE_ZEROES
            Wire.CMD_FLAG_FUA | Wire.CMD_FLAG_REQ_ONE, // BLOCK_STATUS
        };
        for (int type = 0; type < lawful.length; type++) {
            for (int bit = 0; bit < 16 && type != Wire.CMD_DISC; bit++) {
                int flag = 1 << bit;
                int length = type == Wire.CMD_FLUSH ? 0 : 512;
                int error =
                        type == Wire.CMD_WRITE ? errorOfWrite(flag, 0, length) : client.errorOf(type, flag, 0, length);
                assertThat(error)
                        .as("command %d, flag %x", type, flag)
                        .isEqualTo((lawful[type] & flag) != 0 ? 0 : Wire.EINVAL);
            }
        }
        assertThat(errorOfWrite(0xFFFF, 0, 4096)).isEqualTo(Wire.EINVAL);
        assertThat(client.errorOf(Wire.CMD_READ, 0xFFFF, 0, 512)).isEqualTo(Wire.EINVAL);
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

    /** Goal: a length that is negative as an int is a length. Method: a device of 8 GiB in blocks of a byte, which notes what it is asked. */
    @Test
    void whatMovesNoBytesIsOneRequestUpToFourGigabytesLessAByte() throws IOException {
        List<Long> lengths = new CopyOnWriteArrayList<>();
        BlockLimits large = new BlockLimits(8L << 30, 1, 4096, 1 << 20, false, true, true, false);
        BlockDevice device = new BlockDevice() {
            @Override
            public BlockLimits limits() {
                return large;
            }

            @Override
            public void submit(IoRequest request) {
                lengths.add(request.length());
                request.complete(IoStatus.OK);
            }

            @Override
            public void close() {}
        };
        try (ServedDevice another = new ServedDevice(device);
                RawClient greedy = RawClient.structured(another.socket)) {
            assertThat(greedy.errorOf(Wire.CMD_TRIM, 0, 5, 0xFFFFFFFF)).isZero();
            assertThat(greedy.errorOf(Wire.CMD_WRITE_ZEROES, 0, 4L << 30, 0xFFFFFFFF))
                    .isZero();
            assertThat(greedy.errorOf(Wire.CMD_CACHE, 0, 0, 0xFFFFFFFF)).isZero();
            assertThat(lengths).containsExactly(0xFFFFFFFFL, 0xFFFFFFFFL);
            assertThat(greedy.errorOf(Wire.CMD_BLOCK_STATUS, 0, 0, 0xFFFFFFFF)).isZero();
            assertThat(lengths).containsExactly(0xFFFFFFFFL, 0xFFFFFFFFL, 0xFFFFFFFFL);
        }
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
