package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What {@code copy} writes into an export that others serve is what the array holds. */
@Interop
class CopyToExportTest {
    private static final long BYTES_WANTED = 6L << 20;

    private Scratch scratch;
    private RedoubtArray array;
    private String sha256;
    private long bytes;
    private final List<Process> peers = new ArrayList<>();

    @BeforeAll
    static void needsServers() {
        Peer.require(Peer.NBDKIT, Peer.QEMU_NBD, Peer.NBDCOPY);
    }

    /** An array that holds something in its middle, and zeroes around. */
    @BeforeEach
    void makeAnArray() throws IOException {
        scratch = Scratch.make();
        array = RedoubtArray.create(scratch, Level.RAID5);
        try (RedoubtProcess served = array.serve()) {
            Path pattern = Content.pattern(scratch.file("pattern"), BYTES_WANTED, 0);
            Peer.QEMU_IO
                    .command("-f", "raw", "-c", "write -s %s 3M %d".formatted(pattern, BYTES_WANTED), served.uri("v"))
                    .run()
                    .mustSucceed();
            served.stop().mustSucceed();
        }
        Path copy = scratch.file("copy");
        copy(copy.toString()).mustSucceed();
        sha256 = Content.sha256(copy);
        bytes = Files.size(copy);
    }

    @AfterEach
    void endPeers() {
        peers.forEach(Process::destroyForcibly);
        scratch.close();
    }

    private Outcome copy(String... words) {
        List<String> all = new ArrayList<>(List.of("copy"));
        all.addAll(List.of(words).subList(0, words.length - 1));
        all.addAll(array.disks());
        all.add(words[words.length - 1]);
        return Redoubt.in(scratch).command(all).run();
    }

    /** Starts a server on a socket of its own; answers the URI of its export. */
    private String started(String name, Peer peer, String... words) throws IOException {
        Path socket = scratch.file(name);
        List<String> line = new ArrayList<>(List.of(peer.path().toString()));
        for (String word : words) {
            line.add(word.replace("SOCKET", socket.toString()));
        }
        peers.add(new ProcessBuilder(line)
                .redirectErrorStream(true)
                .redirectOutput(scratch.file(name + ".log").toFile())
                .start());
        Await.until(name + " to listen", Duration.ofSeconds(20), () -> Files.exists(socket));
        return "nbd+unix:///?socket=" + socket;
    }

    private void holdsTheArray(String uri) {
        Path back = scratch.file("back");
        Peer.NBDCOPY.command(uri, back.toString()).run().mustSucceed();
        assertThat(back.toFile()).hasSize(bytes);
        assertThat(Content.sha256(back)).isEqualTo(sha256);
    }

    @Test
    void nbdkitsMemoryHoldsIt() throws IOException {
        String uri = started("nbdkit", Peer.NBDKIT, "--foreground", "-U", "SOCKET", "memory", Long.toString(bytes));
        // It says that it is all zeroes, so nobody need insist.
        assertThat(copy(uri).mustExit(0).err()).contains("copied v: " + bytes + " bytes");
        holdsTheArray(uri);
        Outcome again = copy(uri);
        assertThat(again.exitCode()).isEqualTo(77);
        assertThat(again.err()).contains("may hold something already; insist with --overwrite");
        copy("--overwrite", uri).mustSucceed();
        holdsTheArray(uri);
    }

    @Test
    void qemuNbdsFileHoldsIt() throws IOException {
        Path file = Content.pattern(scratch.file("old"), bytes, 3);
        String uri = started(
                "qemu-nbd",
                Peer.QEMU_NBD,
                "-k",
                "SOCKET",
                "-t",
                "-f",
                "raw",
                "-e",
                "4",
                "--cache=none",
                file.toString());
        assertThat(copy(uri).exitCode()).isEqualTo(77);
        copy("--overwrite", uri).mustSucceed();
        holdsTheArray(uri);
        assertThat(Content.sha256(file)).isEqualTo(sha256);
    }

    @Test
    void whatDoesNotFitOrFailsIsSaidInWords() throws IOException {
        String small =
                started("small", Peer.NBDKIT, "--foreground", "-U", "SOCKET", "memory", Long.toString(bytes - 512));
        Outcome tooSmall = copy("--overwrite", small);
        assertThat(tooSmall.exitCode()).isEqualTo(64);
        assertThat(tooSmall.err()).contains("is too small: it has " + (bytes - 512) + " bytes");
        String failing = started(
                "failing",
                Peer.NBDKIT,
                "--foreground",
                "-U",
                "SOCKET",
                "--filter=error",
                "memory",
                Long.toString(bytes),
                "error-pwrite=ENOSPC",
                "error-pwrite-rate=100%");
        Outcome full = copy("--overwrite", failing);
        assertThat(full.exitCode()).isEqualTo(74);
        assertThat(full.err())
                .contains("it has no room left; the copy is not whole")
                .doesNotContain("copied v");
    }
}
