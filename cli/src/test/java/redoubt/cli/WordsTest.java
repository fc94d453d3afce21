package redoubt.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Sizes, times, places to listen and names, as people write them. */
class WordsTest {

    @ParameterizedTest
    @CsvSource({
        "0, 0",
        "4096, 4096",
        "64K, 65536",
        "64k, 65536",
        "64KiB, 65536",
        "1.5G, 1610612736",
        "20MB, 20971520",
        "7E, 8070450532247928832"
    })
    void aSizeIsRead(String text, long bytes) throws Refused {
        assertThat(Sizes.parse(text)).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "K", "-1", "1.5", "12X", "8E", "99999999999999999999", "1e6", "0x10", "64K64K"})
    void whatIsNoSizeIsWrongUsage(String text) {
        assertRefused(ExitCode.USAGE, () -> Sizes.parse(text));
    }

    @ParameterizedTest
    @CsvSource({"5, 5000000000", "5s, 5000000000", "250ms, 250000000", "0.5s, 500000000", "0, 0"})
    void aTimeIsRead(String text, long nanos) throws Refused {
        assertThat(Seconds.parse(text)).isEqualTo(nanos);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "s", "5m", "-1s", "1e3", "9999999s"})
    void whatIsNoTimeIsWrongUsage(String text) {
        assertRefused(ExitCode.USAGE, () -> Seconds.parse(text));
    }

    @ParameterizedTest
    @CsvSource({
        "unix:/run/a b.nbd, vol 0, nbd+unix:///vol%200?socket=/run/a%20b.nbd",
        "tcp:localhost:10809, v, nbd://localhost/v",
        "tcp:localhost, v, nbd://localhost/v",
        "tcp:127.0.0.1:0, v, nbd://127.0.0.1:0/v",
        "tcp:[::1]:5000, v, nbd://[::1]:5000/v",
        "tcp:[::1], v, nbd://[::1]/v"
    })
    void aPlaceToListenIsReadAndShownAsAUri(String text, String export, String uri) throws Refused {
        assertThat(ListenAddress.parse(text).uri(export)).isEqualTo(uri);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "unix:", "tcp:", "tcp::1", "tcp:::1:5", "tcp:[::1", "tcp:h:66000", "tcp:h:x", "udp:h:1", "/a"
            })
    void whatIsNoPlaceIsWrongUsage(String text) {
        assertRefused(ExitCode.USAGE, () -> ListenAddress.parse(text));
    }

    @Test
    void aRelativeSocketIsShownWhereItIs() throws Refused {
        assertThat(ListenAddress.parse("unix:x.nbd").uri("v"))
                .endsWith("?socket=" + Path.of("x.nbd").toAbsolutePath());
    }

    @ParameterizedTest
    @CsvSource({"vol0, vol0", "my vol, my_vol", "a/b, a_b", ".., _..", "'', _", "disk0.img, disk0.img"})
    void anyNameBecomesANodeOfTheTree(String name, String node) {
        assertThat(Served.nodeName(name)).isEqualTo(node);
    }

    @Test
    void aNameOfAFileCannotTalkToATerminal() {
        assertThat(Console.printable("a\u001b[2J\nb\u0085ä")).isEqualTo("a\\x1b[2J\\x0ab\\x85ä");
    }

    @Test
    void sizesAreShownForPeople() {
        assertThat(Sizes.shown(0)).isEqualTo("0 bytes");
        assertThat(Sizes.shown(1536)).isEqualTo("1.5 KiB");
        assertThat(Sizes.shown(Long.MAX_VALUE)).isEqualTo("8.0 EiB");
    }

    private interface Call {
        void run() throws Exception;
    }

    private static void assertRefused(ExitCode code, Call call) {
        assertThatThrownBy(call::run)
                .isInstanceOfSatisfying(
                        Refused.class, refused -> assertThat(refused.exitCode()).isEqualTo(code.number()));
    }
}
