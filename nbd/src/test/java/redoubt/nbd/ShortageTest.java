package redoubt.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import redoubt.block.ErrorText;

/**
 * Want of memory is known by the words of an exception, in whatever language the C library speaks: a connection that was refused memory for a moment is not to
 * be closed in Berlin and kept in London.
 */
class ShortageTest {

    private static final int ENOENT = 2;
    private static final int ENOMEM = 12;
    private static final int ENFILE = 23;
    private static final int EPIPE = 32;
    private static final int ENOBUFS = 105;

    @TempDir
    Path folder;

    /** Run in a process of its own, too: says in which words a socket's error came, and whether it is the one that was asked for. */
    static final class Speaker {
        private Speaker() {}

        /** With a place at which there is no socket. */
        public static void main(String[] words) throws Exception {
            String said = "nothing";
            try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
                channel.connect(UnixDomainSocketAddress.of(words[0]));
            } catch (IOException refused) {
                said = refused.getMessage();
            }
            System.out.write((said + " " + said.equals(ErrorText.of(ENOENT, "")) + " " + shortage(ENOBUFS)
                            + shortage(ENOMEM) + shortage(ENFILE) + shortage(EPIPE))
                    .getBytes(StandardCharsets.UTF_8));
            System.out.flush();
        }

        private static boolean shortage(int number) {
            return SendReserve.isShortage(new IOException(ErrorText.of(number, "")));
        }
    }

    @Test
    void wantOfMemoryIsKnownInTheLanguageOfThisProcess() throws Exception {
        assumeTrue(!ErrorText.of(ENOENT, "").isEmpty(), "this is not Linux");
        assertThat(said("C", folder)).isEqualTo("No such file or directory true truetruetruefalse");
    }

    @Test
    @Tag("slow")
    void wantOfMemoryIsKnownInGermanToo() throws Exception {
        assumeTrue(Files.exists(Path.of("/usr/share/locale/de/LC_MESSAGES/libc.mo")), "no German of the C library");
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/localedef")), "no localedef");
        Process made = new ProcessBuilder(
                        "/usr/bin/localedef",
                        "-i",
                        "de_DE",
                        "-f",
                        "UTF-8",
                        folder.resolve("de_DE.UTF-8").toString())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("localedef.out").toFile())
                .start();
        assumeTrue(made.waitFor() <= 1, "no German locale can be made");
        assertThat(said("de_DE.UTF-8", folder))
                .isEqualTo("Datei oder Verzeichnis nicht gefunden true truetruetruefalse");
    }

    private static String said(String language, Path locales) throws Exception {
        ProcessBuilder speaker = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Speaker.class.getName(),
                        locales.resolve("nobody").toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT);
        speaker.environment().keySet().removeIf(name -> name.startsWith("LC_") || name.startsWith("LANG"));
        speaker.environment().put("LANG", language);
        speaker.environment().put("LOCPATH", locales.toString());
        Process process = speaker.start();
        String all = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        return all;
    }
}
