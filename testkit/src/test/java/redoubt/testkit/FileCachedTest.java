package redoubt.testkit;

import redoubt.block.FileOptions;

/** Reads from the page cache inline, the rest on the lane. */
class FileCachedTest extends FileDeviceTest {

    @Override
    FileOptions options() {
        return FileOptions.DEFAULTS;
    }
}
