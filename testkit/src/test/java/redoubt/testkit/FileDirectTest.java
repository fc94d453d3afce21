package redoubt.testkit;

import java.util.List;
import redoubt.block.FileOptions;

/** Past the page cache, on the lane's threads. */
class FileDirectTest extends FileDeviceTest {

    @Override
    FileOptions options() {
        return FileOptions.DEFAULTS.withWay(FileOptions.Way.THREADS).withCaching(FileOptions.Caching.DIRECT);
    }

    @Override
    protected List<Integer> blockSizes() {
        return List.of(4096); // what the file system here asks for may be more than 512
    }
}
