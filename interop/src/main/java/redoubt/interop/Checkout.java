package redoubt.interop;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/** Where this checkout of Redoubt lies: the folder that holds all rooms. */
public final class Checkout {
    private Checkout() {}

    /** The root, as the build says ({@code redoubt.root}) or else found by walking up from the working directory. */
    public static Path root() {
        String told = System.getProperty("redoubt.root");
        if (told != null) {
            return Path.of(told);
        }
        Path here = Path.of("").toAbsolutePath();
        return upwards(here)
                .filter(folder ->
                        Files.isRegularFile(folder.resolve("pom.xml")) && Files.isDirectory(folder.resolve("interop")))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("not inside a checkout of redoubt: " + here));
    }

    /** A folder and all above it, nearest first. */
    static Stream<Path> upwards(Path folder) {
        return Stream.iterate(
                        Optional.of(folder.toAbsolutePath()),
                        Optional::isPresent,
                        at -> at.flatMap(f -> Optional.ofNullable(f.getParent())))
                .flatMap(Optional::stream);
    }
}
