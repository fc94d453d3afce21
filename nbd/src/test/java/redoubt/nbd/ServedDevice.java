package redoubt.nbd;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import redoubt.block.BlockDevice;
import redoubt.block.IoMemory;

/** A server with one export on a Unix socket, for a test; closing it checks that it is left clean. */
final class ServedDevice implements AutoCloseable {

    final Path folder;
    final Path socket;
    final NbdExports exports = new NbdExports();
    final IoMemory memory;
    final NbdServer server;

    ServedDevice(BlockDevice device) throws IOException {
        this(device, NbdLimits.standard().withHandshakeMillis(2_000));
    }

    ServedDevice(BlockDevice device, NbdLimits limits) throws IOException {
        this(
                device,
                limits,
                new IoMemory(
                        new IoMemory.Cut(4096, 512, 4),
                        new IoMemory.Cut(32 << 10, 32, 2),
                        new IoMemory.Cut(256 << 10, 32, 2)));
    }

    ServedDevice(BlockDevice device, NbdLimits limits, IoMemory memory) throws IOException {
        this.folder = Files.createTempDirectory("nbd");
        this.socket = folder.resolve("s");
        this.memory = memory;
        exports.add("first", device, "the first export");
        server = new NbdServer(exports, memory, limits);
        server.listenUnix(socket);
    }

    /** Stops, and checks that nothing is left: no fault, no thread, no memory, no file. */
    @Override
    public void close() throws IOException {
        try {
            boolean clean = server.stop(Duration.ofSeconds(10));
            Await.that("all memory came back", () -> memory.free() == memory.total());
            if (!clean || server.status().faults() != 0 || Files.exists(socket)) {
                throw new AssertionError("stopped cleanly: " + clean + ", " + server.status());
            }
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        } finally {
            Files.deleteIfExists(socket);
            Files.delete(folder);
        }
    }
}
