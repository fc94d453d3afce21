package redoubt.testkit;

import redoubt.block.FileOptions;

/** Past the page cache, on the lane's threads. */
class FileDirectTest extends FileDeviceTest {

    @Override
    FileOptions options() {
        return FileOptions.DEFAULTS.withWay(FileOptions.Way.THREADS).withCaching(FileOptions.Caching.DIRECT);
    }
}
