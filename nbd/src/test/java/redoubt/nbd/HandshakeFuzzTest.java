package redoubt.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;

/**
 * Goal: whatever a client says before transmission, the server stays within its bounds and answers in whole, lawful option replies. Method:
 * Jazzer feeds the handshake, which is a machine without a socket. The corpus beside this class runs with every build; {@code JAZZER_FUZZ=1}
 * lets Jazzer look for more.
 *
 * <p>First byte of the input: the lower half says in how large pieces the rest comes (0 all at once), bit 4 that the server is full, bit 5
 * that it shuts down in the middle, bit 6 that answers are taken late.
 */
@Tag("slow")
class HandshakeFuzzTest {

    private static final int INPUT_LIMIT_BYTES = 512 << 10;

    /** The answers, put together again and looked at. */
    private static final class Answers {
        private byte[] bytes = new byte[1 << 16];
        private int count;
        private long total;

        void take(ByteBuffer output) {
            output.flip();
            total += output.remaining();
            if (count + output.remaining() > bytes.length) {
                bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, count + output.remaining()));
            }
            int length = output.remaining();
            output.get(bytes, count, length);
            count += length;
            output.compact();
        }

        /** Every answer is an option reply of at most one string and a little, but for what EXPORT_NAME is answered. */
        void areLawful(boolean byExportName, boolean noZeroes) {
            ByteBuffer all = ByteBuffer.wrap(bytes, 0, count);
            assertThat(all.getLong()).isEqualTo(Wire.GREETING_MAGIC);
            assertThat(all.getLong()).isEqualTo(Wire.OPTION_MAGIC);
            assertThat((int) all.getShort()).isEqualTo(3);
            int behind = byExportName ? (noZeroes ? 10 : 134) : 0;
            while (all.remaining() > behind) {
                assertThat(all.getLong()).isEqualTo(Wire.OPTION_REPLY_MAGIC);
                all.getInt();
                all.getInt();
                int length = all.getInt();
                assertThat(length).isBetween(0, 2 * Wire.STRING_LIMIT_BYTES);
                assertThat(all.remaining()).isGreaterThanOrEqualTo(length);
                all.position(all.position() + length);
            }
            assertThat(all.remaining()).isEqualTo(behind);
        }
    }

    @Timeout(value = 10, unit = TimeUnit.MINUTES)
    @FuzzTest(maxDuration = "5m")
    void handshakeAnswersEveryClient(byte[] input) {
        if (input.length < 1 || input.length > INPUT_LIMIT_BYTES) {
            return;
        }
        NbdExports exports = new NbdExports();
        for (int i = 0; i < 8; i++) {
            exports.add(i == 0 ? "first" : "é".repeat(2_000) + i, new MemoryExport(1 << 12), "x".repeat(100 * i));
        }
        int mode = input[0];
        int[] admitted = new int[1];
        Handshake handshake = new Handshake(exports, () -> {
            boolean room = (mode & 16) == 0;
            admitted[0] += room ? 1 : 0;
            return room;
        });
        Answers answers = new Answers();
        ByteBuffer in = ByteBuffer.wrap(input, 1, input.length - 1);
        int piece = (mode & 15) == 0 ? Integer.MAX_VALUE : mode & 15;
        boolean late = (mode & 64) != 0;
        while (true) {
            boolean fed = false;
            while (handshake.wantsInput() && in.hasRemaining() && (late || !fed)) {
                int now = Math.min(
                        piece, Math.min(in.remaining(), handshake.input().remaining()));
                handshake.input().put(in.slice(in.position(), now));
                in.position(in.position() + now);
                handshake.advance();
                fed = true;
            }
            if ((mode & 32) != 0 && in.remaining() < input.length / 2) {
                handshake.shutDown();
            }
            assertThat(handshake.input().capacity()).isLessThanOrEqualTo(Handshake.INPUT_LIMIT_BYTES);
            assertThat(handshake.output().capacity()).isLessThanOrEqualTo(Handshake.OUTPUT_LIMIT_BYTES);
            boolean said = handshake.output().position() > 0;
            answers.take(handshake.output());
            handshake.advance();
            if (!fed && !said && handshake.output().position() == 0) {
                break;
            }
        }
        boolean agreed = handshake.stage() == Handshake.Stage.TRANSMISSION;
        assertThat(admitted[0]).isEqualTo(agreed ? 1 : 0);
        if (agreed) {
            assertThat(handshake.chosen()).isNotNull();
        } else if (handshake.stage() != Handshake.Stage.ENDED) {
            assertThat(in.remaining()).as("what was not looked at").isZero();
        }
        boolean byExportName = agreed && endsAsExportNameDoes(answers);
        boolean noZeroes = input.length > 4 && (input[4] & Wire.HANDSHAKE_NO_ZEROES) != 0;
        answers.areLawful(byExportName, noZeroes);
        // An answer is at most some kilobytes, and there are at most so many options.
        assertThat(answers.total).isLessThan(Handshake.OPTIONS_LIMIT * 64L * 1024);
    }

    /** GO ends with an acknowledgement, EXPORT_NAME does not. */
    private static boolean endsAsExportNameDoes(Answers answers) {
        ByteBuffer all = ByteBuffer.wrap(answers.bytes, 0, answers.count);
        int at = answers.count - Wire.OPTION_REPLY_HEADER_BYTES;
        return at < 18
                || all.getLong(at) != Wire.OPTION_REPLY_MAGIC
                || all.getInt(at + 8) != Wire.OPT_GO
                || all.getInt(at + 12) != Wire.REP_ACK;
    }
}
