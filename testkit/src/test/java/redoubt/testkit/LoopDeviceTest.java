package redoubt.testkit;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import redoubt.base.ThreadHeartbeat;
import redoubt.block.BlockDevice;
import redoubt.block.FileDevice;
import redoubt.block.FileOptions;

/** A block device keeps the contract; its block size is its own. */
@Tag("interop")
class LoopDeviceTest extends BlockDeviceContract {

    @TempDir
    Path folder;

    private ThreadHeartbeat heartbeat;

    @BeforeAll
    void start() {
        heartbeat = new ThreadHeartbeat(20_000_000);
    }

    @AfterAll
    void stop() {
        heartbeat.close();
    }

    @Override
    protected BlockDevice open(int blockBytes) throws Exception {
        HostTools host = new HostTools(folder);
        closeAfterwards(host);
        Path device = host.loop(host.image(SIZE_BYTES), blockBytes);
        return FileDevice.open(device, FileOptions.DEFAULTS, heartbeat);
    }
}
