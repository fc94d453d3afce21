package redoubt.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import redoubt.base.Clock;
import redoubt.control.Attributes;
import redoubt.control.MountAttributes;
import redoubt.fuse.FuseMount;
import redoubt.kernfs.Errno;
import redoubt.kernfs.KernfsAttribute;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.Outcome;

/** Attributes through files, of which one cannot be read for a while: a daemon that was told of nothing more would miss every write. */
@Tag("interop")
class MountAttributesTest {

    private static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(10);

    @TempDir
    Path folder;

    private final AtomicInteger failures = new AtomicInteger();
    private final KernfsAttribute attribute = KernfsAttribute.readOnly(
            "n",
            out -> failures.getAndUpdate(left -> Math.max(0, left - 1)) > 0
                    ? Outcome.refused(Errno.EIO, "the test says so")
                    : out.append('x').line());
    private FuseMount mount;

    @BeforeEach
    void mount() throws Exception {
        assumeTrue(Files.isWritable(Path.of("/dev/fuse")), "no /dev/fuse");
        KernfsDirectory root = KernfsDirectory.root();
        root.add(attribute);
        mount = FuseMount.open(folder, root, List.of(), Clock.system());
    }

    @AfterEach
    void unmount() {
        if (mount != null) {
            mount.close();
        }
    }

    @Test
    void whatCannotBeReadForAMomentIsWatchedOn() throws Exception {
        try (Attributes attributes = MountAttributes.open(folder)) {
            attributes.watch("n");
            for (int times : new int[] {2, 20}) { // fewer than it is tried again at once, and more
                failures.set(times);
                attribute.notifyChange();
                assertThat(attributes.awaitChange(LIMIT_NANOS)).isPresent();
                failures.set(0);
                while (attributes.awaitChange(TimeUnit.MILLISECONDS.toNanos(50)).isPresent()) {
                    assertThat(failures).hasValue(0);
                }
                attribute.notifyChange();
                assertThat(attributes.awaitChange(LIMIT_NANOS))
                        .as("told of the change after %d failures", times)
                        .contains(new Attributes.Change("n", 1));
                while (attributes.awaitChange(TimeUnit.MILLISECONDS.toNanos(50)).isPresent()) {
                    assertThat(failures).hasValue(0);
                }
            }
        }
    }
}
