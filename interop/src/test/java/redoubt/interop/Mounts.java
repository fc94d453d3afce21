package redoubt.interop;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What is mounted in this machine, and whether Redoubt can mount here at all. */
final class Mounts {

    private Mounts() {}

    /** Root and FUSE, or {@link PeerMissing}. */
    static void require() {
        if (!Files.exists(Path.of("/dev/fuse")) || !"root".equals(System.getProperty("user.name"))) {
            throw new PeerMissing("this needs root and /dev/fuse (the kernel's module 'fuse')");
        }
    }

    /** The kernel's lines of mounts on this directory and below it. */
    static List<String> at(Path directory) throws IOException {
        return Files.readAllLines(Path.of("/proc/self/mounts")).stream()
                .filter(line -> line.contains(" " + directory))
                .toList();
    }
}
