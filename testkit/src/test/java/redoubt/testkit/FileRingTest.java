package redoubt.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Tag;
import redoubt.block.BlockDevice;
import redoubt.block.FileDevice;
import redoubt.block.FileOptions;

/** Through an io_uring, past the page cache. */
@Tag("interop")
class FileRingTest extends FileDeviceTest {

    @Override
    FileOptions options() {
        return FileOptions.DEFAULTS.withWay(FileOptions.Way.URING);
    }

    @Override
    protected BlockDevice open(int blockBytes) throws Exception {
        FileDevice device = (FileDevice) super.open(blockBytes);
        assertThat(device.usesRing()).isTrue();
        return device;
    }
}
