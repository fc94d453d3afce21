package redoubt.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is kept in reserve for replies, on systems that are small or set up narrowly. */
class SendReserveTest {

    @TempDir
    Path folder;

    /** As with a small net.core.wmem_default: a connection that is full is no shortage, or the server would look at all its sockets for ever. */
    @Test
    void aConnectionThatHoldsLittleIsAReserveAndNoShortage() {
        SendReserve reserve = SendReserve.in(folder, 4608);
        try {
            assertThat(reserve.isThere()).isTrue();
            for (int i = 0; i < 1000; i++) {
                assertThat(reserve.refill()).isTrue();
            }
            int released = 0;
            while (reserve.release()) {
                released++;
            }
            assertThat(released).isBetween(1, 127);
            assertThat(reserve.refill()).isTrue();
            assertThat(reserve.release()).isTrue();
        } finally {
            reserve.close();
        }
    }

    @Test
    void isTakenWhereASocketCanBeAndLeavesNothingThere() throws IOException {
        Path missing = folder.resolve("missing");
        // Longer than the address of a Unix socket may be.
        Path tooDeep = Files.createDirectories(folder.resolve("d".repeat(100)));
        SendReserve reserve = SendReserve.in(List.of(missing, tooDeep, folder));
        try {
            assertThat(reserve.isThere()).isTrue();
        } finally {
            reserve.close();
        }
        SendReserve none = SendReserve.in(List.of(missing, tooDeep));
        assertThat(none.isThere()).isFalse();
        assertThat(none.release()).isFalse();
        assertThat(none.refill()).isTrue();
        none.close();
        try (Stream<Path> left = Files.walk(folder)) {
            assertThat(left).containsExactlyInAnyOrder(folder, tooDeep);
        }
    }
}
