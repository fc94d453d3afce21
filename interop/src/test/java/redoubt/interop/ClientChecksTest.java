package redoubt.interop;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The clients' checks pass against nbdkit's memory disk; so where one fails against Redoubt, Redoubt is at fault. */
@Interop
class ClientChecksTest {
    @Test
    void nbdkitPassesThemAll() throws Exception {
        Peer.require(Peer.NBDKIT, Peer.NBDINFO, Peer.NBDCOPY, Peer.NBDSH, Peer.QEMU_IMG, Peer.QEMU_IO, Peer.FIO);
        try (Scratch scratch = Scratch.make()) {
            // In the foreground nbdkit ends with the thread that started it, so it is started here and not in a set-up
            // method.
            Path socket = scratch.file("nbdkit");
            Path ready =
                    scratch.file("nbdkit.pid"); // it writes this when it listens; a caller who hangs up would end it
            List<String> words = List.of(
                    Peer.NBDKIT.path().toString(),
                    "--foreground",
                    "--pidfile",
                    ready.toString(),
                    "-U",
                    socket.toString());
            Process nbdkit = new ProcessBuilder(Stream.concat(words.stream(), Stream.of("memory", "16M"))
                            .toList())
                    .redirectErrorStream(true)
                    .redirectOutput(scratch.file("nbdkit.log").toFile())
                    .start();
            try {
                Await.until("nbdkit to be ready", Duration.ofSeconds(20), () -> Files.exists(ready));
                ClientChecks checks = new ClientChecks("nbd+unix:///?socket=" + socket, "", scratch);
                checks.nbdinfoTellsWhatTheExportCan();
                checks.nbdinfoListsTheExport();
                checks.nbdcopyGoesBothWays();
                checks.qemuImgConvertsAndCompares();
                checks.qemuIoFindsItsPatterns();
                checks.libnbdShellIsContent(1);
                checks.fioVerifies(2, 1);
            } finally {
                nbdkit.destroyForcibly();
            }
        }
    }
}
