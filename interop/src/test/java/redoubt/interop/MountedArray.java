package redoubt.interop;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** An array that is served and mounted by {@code redoubt serve --mount}. However it ends, closing waits until nothing is mounted any more. */
record MountedArray(RedoubtArray array, RedoubtProcess served, Path directory) implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    static MountedArray serve(RedoubtArray array, Path directory) {
        MountedArray mounted = new MountedArray(array, array.serve("--mount", directory.toString()), directory);
        Await.until("the mount", LIMIT, () -> !mounted.isGone());
        return mounted;
    }

    /** The same disks, by another process, when this one is no more. */
    MountedArray again() {
        return serve(array, directory);
    }

    /** By the number that Linux would give it. */
    Path md(String attribute) {
        return directory.resolve("block/md126/md").resolve(attribute);
    }

    String read(String attribute) throws IOException {
        return Files.readString(md(attribute)).strip();
    }

    Path volume() {
        return directory.resolve("volumes").resolve(RedoubtArray.VOLUME);
    }

    boolean isGone() throws IOException {
        return Mounts.at(directory).isEmpty();
    }

    @Override
    public void close() {
        if (served.isAlive()) {
            served.kill(); // and not its guardian, which unmounts
        }
        served.close();
        Await.until("no mount is left", LIMIT, this::isGone);
    }
}
