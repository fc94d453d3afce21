package redoubt.testkit;

import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * What a test borrows from the machine: loop devices, mounts, a frozen file system. Everything is given back in {@link #close}, last
 * first, a freeze before all. Needs root; without it the test is skipped and says so.
 */
public final class HostTools implements AutoCloseable {

    private static final long COMMAND_SECONDS = 60;

    private final Path folder;
    private final Deque<Runnable> giveBack = new ArrayDeque<>();
    private int number;

    /**
     * Borrows nothing yet.
     *
     * @param folder where images and mount points go
     */
    public HostTools(Path folder) {
        this.folder = folder;
        if (!"root".equals(System.getProperty("user.name")) || !Files.exists(Path.of("/dev/loop-control"))) {
            abort("this test needs root and loop devices; run it as root on Linux");
        }
    }

    /** A sparse file of this size. */
    public Path image(long bytes) {
        Path image = folder.resolve("image-" + number++);
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(bytes);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
        return image;
    }

    /** A loop device over the file. */
    public Path loop(Path image, int sectorBytes) {
        String device = run("losetup", "--find", "--show", "--sector-size", "" + sectorBytes, image.toString());
        giveBack.push(() -> run("losetup", "--detach", device));
        return Path.of(device);
    }

    /** A tmpfs of this size. */
    public Path tmpfs(long bytes) {
        return mount("tmpfs", "tmpfs", "size=" + bytes);
    }

    /** A fresh ext4 on a loop device. */
    public Path ext4(long bytes) {
        Path device = loop(image(bytes), 512);
        run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", device.toString());
        return mount("ext4", device.toString(), "rw");
    }

    /** A file system, mounted where the answer says. */
    public Path mount(String type, String source, String options) {
        Path point = folder.resolve("mount-" + number++);
        try {
            Files.createDirectory(point);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
        run("mount", "-t", type, "-o", options, source, point.toString());
        giveBack.push(() -> unmount(point));
        return point;
    }

    /** The kernel may hold on to a file for a moment after it was closed, as io_uring does. */
    private static void unmount(Path point) {
        Waiting.until(point + " can be unmounted", () -> {
            try {
                run("umount", point.toString());
                return true;
            } catch (IllegalStateException busy) {
                return false;
            }
        });
    }

    /** Freezes the file system mounted here: writes to it hang in the kernel until the answer is closed, or this is. */
    public Frozen freeze(Path point) {
        run("fsfreeze", "--freeze", point.toString());
        Frozen frozen = new Frozen(point);
        giveBack.push(frozen::thaw);
        return frozen;
    }

    /** A frozen file system. */
    public static final class Frozen implements AutoCloseable {
        private final Path point;
        private boolean thawed;

        Frozen(Path point) {
            this.point = point;
        }

        @Override
        public void close() {
            thaw();
        }

        /** Thaws; a second time does nothing. */
        public void thaw() {
            if (!thawed) {
                thawed = true;
                run("fsfreeze", "--unfreeze", point.toString());
            }
        }
    }

    /** Runs a command and answers what it printed; fails the test if it does not end well. */
    public static String run(String... command) {
        try {
            Process process = new ProcessBuilder(List.of(command))
                    .redirectErrorStream(true)
                    .start();
            process.getOutputStream().close();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            if (!process.waitFor(COMMAND_SECONDS, TimeUnit.SECONDS) || process.exitValue() != 0) {
                throw new IllegalStateException(String.join(" ", command) + " failed: " + output);
            }
            return output;
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
    }

    @Override
    public void close() {
        RuntimeException first = null;
        while (!giveBack.isEmpty()) {
            try {
                giveBack.pop().run();
            } catch (RuntimeException failed) {
                if (first == null) {
                    first = failed;
                } else {
                    first.addSuppressed(failed);
                }
            }
        }
        if (first != null) {
            throw first;
        }
    }
}
