package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Goal: a client of the field that is killed costs a serving Redoubt nothing. Method: libnbd in Python, with many reads and writes in flight
 * on four connections, is killed with SIGKILL, again and again; threads and descriptors of the server are counted in /proc.
 */
@Interop
class KilledClientTest {
    private static final int ROUNDS = 5;
    private static final Duration LIMIT = Duration.ofSeconds(20);

    private static final String BUSY = """
            def busy(uri):
                handles = []
                for i in range(4):
                    h = nbd.NBD()
                    h.connect_uri(uri)
                    handles.append(h)
                data = b'x' * 65536
                said = False
                while True:
                    for h in handles:
                        while h.aio_in_flight() < 64:
                            n = h.aio_in_flight() * 65536 % (h.get_size() - 65536)
                            if n % 131072:
                                h.aio_pwrite(nbd.Buffer.from_bytearray(bytearray(data)), n)
                            else:
                                h.aio_pread(nbd.Buffer(65536), n)
                        h.poll(0)
                        while h.aio_peek_command_completed() > 0:
                            h.aio_command_completed(h.aio_peek_command_completed())
                    if not said:
                        print('busy', flush=True)
                        said = True
            busy(URI)
            """;

    @BeforeAll
    static void needsLibnbd() {
        Peer.require(Peer.NBDSH, Peer.NBDINFO, Peer.QEMU_IO);
    }

    private static Process client(String uri, Path said) throws IOException {
        ProcessBuilder client = new ProcessBuilder(
                        Peer.NBDSH.path().toString(), "-c", "URI = '" + uri + "'", "-c", BUSY)
                .redirectErrorStream(true)
                .redirectOutput(said.toFile());
        // libnbd's module belongs to the system's own Python, whichever other one may come first on PATH.
        client.environment().put("PATH", "/usr/bin:/bin");
        return client.start();
    }

    @Test
    void aKilledClientLeavesNothingBehind() throws Exception {
        try (Scratch scratch = Scratch.make();
                RedoubtProcess served =
                        RedoubtArray.create(scratch, Level.RAID5).serve()) {
            String uri = served.uri(RedoubtArray.VOLUME);
            Peer.NBDINFO.command(uri).run().mustSucceed();
            long threads = served.threads();
            long descriptors = served.descriptors();
            for (int round = 0; round < ROUNDS; round++) {
                Path said = scratch.file("said" + round);
                Process client = client(uri, said);
                try {
                    Await.until("the client to be busy", LIMIT, () -> {
                        if (!client.isAlive()) {
                            throw new AssertionError(Files.readString(said));
                        }
                        return Files.readString(said).contains("busy");
                    });
                } finally {
                    client.destroyForcibly();
                }
                assertThat(client.waitFor()).isEqualTo(128 + 9);
                assertThat(served.isAlive()).isTrue();
                // Beyond the dead client's range: what it had sent may still be carried out.
                Peer.QEMU_IO
                        .command("-f", "raw", "-c", "write -P %d 8M 1M".formatted(round + 1), "-c", "flush", uri)
                        .run()
                        .mustSucceed();
                Peer.QEMU_IO
                        .command("-f", "raw", "-c", "read -P %d 8M 1M".formatted(round + 1), uri)
                        .run()
                        .mustSucceed();
            }
            Await.until("the descriptors to be closed", LIMIT, () -> served.descriptors() <= descriptors);
            // The virtual machine may have started a compiler or two; a connection has no thread of its own.
            assertThat(served.threads()).isLessThanOrEqualTo(threads + 3);
            served.stop().mustSucceed();
        }
    }
}
