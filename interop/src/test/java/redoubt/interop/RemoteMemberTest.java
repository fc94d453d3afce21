package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Goal: a remote member whose server is started again is used again if it is what it was, and is not written to if it is not. Method: nbdkit
 * serves one half of a mirror, ends, and comes back with the same file, or with one of the same size.
 */
@Interop
class RemoteMemberTest {
    private static final int REMOTE = 1;
    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final Scratch scratch = Scratch.make();
    private RedoubtArray array;
    private Path socket;
    private Process server;
    private RedoubtProcess served;

    @BeforeAll
    static void needsServers() {
        Peer.require(Peer.NBDKIT, Peer.QEMU_IO);
    }

    /** Called by the tests themselves: nbdkit ends with the thread that started it, and JUnit gives each part of a test one of its own. */
    private void serveAMirror() throws IOException {
        array = RedoubtArray.create(scratch, Level.RAID1, "--assume-clean");
        socket = scratch.file("remote");
        startServer(array.images().get(REMOTE));
        List<String> words = new ArrayList<>(array.disks());
        words.set(REMOTE, RedoubtArray.disk("nbd+unix:///?socket=" + socket, REMOTE));
        served = array.redoubt().serve(words);
    }

    @AfterEach
    void end() {
        if (served != null) {
            served.close();
        }
        if (server != null) {
            server.destroyForcibly();
        }
        scratch.close();
    }

    private void startServer(Path image) throws IOException {
        server = new ProcessBuilder(
                        Peer.NBDKIT.path().toString(),
                        "--foreground",
                        "-U",
                        socket.toString(),
                        "--filter=log",
                        "file",
                        image.toString(),
                        "logfile=" + log())
                .redirectErrorStream(true)
                .redirectOutput(scratch.file("nbdkit.log").toFile())
                .start();
        Await.until("nbdkit to greet", LIMIT, () -> NbdGreeting.isGivenAt(socket));
    }

    private Path log() {
        return scratch.file("nbdkit.requests");
    }

    private void stopServer() throws Exception {
        // With anything that is not yet durable, the clean mark among it, the loss of the server is the loss of the
        // member.
        Await.until("the clean mark to be durable", LIMIT, this::isAtRest);
        // Asked kindly, nbdkit waits for its clients to leave.
        server.destroyForcibly();
        assertThat(server.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS))
                .as("nbdkit ends")
                .isTrue();
        Files.deleteIfExists(socket);
    }

    /** Whether metadata was written after the data, and flushed. */
    private boolean isAtRest() {
        try {
            List<String> lines = Files.readAllLines(log());
            int data = last(lines, " Write id=.* offset=0x100000 .*");
            int metadata = last(lines, " Write id=.* offset=0x17[0-9a-f]{5} .*");
            int flush = last(lines, " Flush id=.*");
            return data >= 0
                    && metadata > data
                    && flush > metadata
                    && flush < last(lines, " \\.\\.\\.Flush id=.* return=0.*");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static int last(List<String> lines, String pattern) {
        Pattern wanted = Pattern.compile(pattern);
        int last = -1;
        for (int i = 0; i < lines.size(); i++) {
            last = wanted.matcher(lines.get(i)).find() ? i : last;
        }
        return last;
    }

    private void write(String pattern) {
        Peer.QEMU_IO
                .command(
                        "-f",
                        "raw",
                        "-c",
                        "write -P %s 1M 64k".formatted(pattern),
                        "-c",
                        "flush",
                        served.uri(RedoubtArray.VOLUME))
                .run()
                .mustSucceed();
    }

    @Test
    void theSameFileIsUsedAgain() throws Exception {
        serveAMirror();
        write("0x31");
        stopServer();
        startServer(array.images().get(REMOTE));
        write("0x32");
        served.stop().mustSucceed();
        assertThat(served.outcome().err()).doesNotContain(": Fail ");
        assertThat(Content.sha256(array.images().get(0)))
                .isEqualTo(Content.sha256(array.images().get(REMOTE)));
    }

    @Test
    void anOlderCopyIsNotWrittenTo() throws Exception {
        serveAMirror();
        Path older =
                Files.copy(array.images().get(REMOTE), scratch.file("older.img"), StandardCopyOption.COPY_ATTRIBUTES);
        write("0x31");
        String before = Content.sha256(older);
        stopServer();
        startServer(older);
        write("0x32");
        served.stop().mustSucceed();
        assertThat(served.outcome().err()).contains(": Fail ");
        assertThat(Content.sha256(older)).isEqualTo(before);
    }
}
