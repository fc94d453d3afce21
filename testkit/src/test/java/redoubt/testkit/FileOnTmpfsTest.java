package redoubt.testkit;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import redoubt.block.FileOptions;

/** Inline, by mapping. */
class FileOnTmpfsTest extends FileDeviceTest {

    private static final Path TMPFS = Path.of("/dev/shm");

    @BeforeAll
    static void needsTmpfs() {
        assumeTrue(Files.isDirectory(TMPFS), "there is no tmpfs here");
    }

    @Override
    Path folder() {
        return TMPFS;
    }

    @Override
    FileOptions options() {
        return FileOptions.DEFAULTS;
    }
}
