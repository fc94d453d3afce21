package redoubt.interop;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** An array that is served and mounted by {@code redoubt serve --mount}. However it ends, closing waits until nothing is mounted any more. */
record MountedArray(RedoubtProcess served, Path directory) implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    static MountedArray serve(RedoubtArray array, Path directory) {
        RedoubtProcess served = array.serve("--mount", directory.toString());
        MountedArray mounted = new MountedArray(served, directory);
        Await.until("the mount", LIMIT, () -> !mounted.isGone());
        return mounted;
    }

    /** By the number that Linux would give it. */
    Path md(String attribute) {
        return directory.resolve("block/md126/md").resolve(attribute);
    }

    Path volume() {
        return directory.resolve("volumes").resolve(RedoubtArray.VOLUME);
    }

    boolean isGone() throws IOException {
        return Files.readString(Path.of("/proc/self/mounts")).lines().noneMatch(line -> line.contains(" " + directory));
    }

    @Override
    public void close() {
        if (served.isAlive()) {
            served.kill(); // and not its guardian, which unmounts
        }
        Await.until("no mount is left", LIMIT, this::isGone);
    }
}
