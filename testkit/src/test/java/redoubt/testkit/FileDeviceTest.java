package redoubt.testkit;

import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import redoubt.base.ThreadHeartbeat;
import redoubt.block.BlockDevice;
import redoubt.block.FileDevice;
import redoubt.block.FileOptions;

/** A file keeps the contract, in each of the ways that it can be carried. */
abstract class FileDeviceTest extends BlockDeviceContract {

    @TempDir
    Path disk;

    private ThreadHeartbeat heartbeat;

    /** Where the files are. */
    Path folder() {
        return disk;
    }

    abstract FileOptions options();

    @BeforeAll
    void startHeartbeat() {
        heartbeat = new ThreadHeartbeat(20_000_000);
    }

    @AfterAll
    void stopHeartbeat() {
        heartbeat.close();
    }

    @Override
    protected BlockDevice open(int blockBytes) throws Exception {
        Path path = Files.createTempFile(folder(), "disk", ".img");
        path.toFile().deleteOnExit();
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(SIZE_BYTES);
        }
        return FileDevice.open(path, options().withBlockBytes(blockBytes), heartbeat);
    }
}
