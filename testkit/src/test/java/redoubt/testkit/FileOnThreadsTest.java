package redoubt.testkit;

import redoubt.block.FileOptions;

/** Everything on the lane's threads. */
class FileOnThreadsTest extends FileDeviceTest {

    @Override
    FileOptions options() {
        return FileOptions.DEFAULTS.withWay(FileOptions.Way.THREADS);
    }
}
