package redoubt.control;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where sockets are, and that a name from a disk cannot lead elsewhere. */
class ControlPathTest {

    @Test
    void rootsSocketsAreUnderRunAndOthersUnderTheirOwnDirectory() {
        Path tmp = Path.of("/tmp");
        assertThat(ControlPath.directory("root", "/run/user/0", tmp)).isEqualTo(Path.of("/run/redoubt"));
        assertThat(ControlPath.directory("ann", "/run/user/1000", tmp)).isEqualTo(Path.of("/run/user/1000/redoubt"));
        assertThat(ControlPath.directory("ann", null, tmp)).isEqualTo(Path.of("/tmp/redoubt-ann"));
    }

    @Test
    void aNameFromADiskStaysInTheDirectory() {
        Path directory = Path.of("/run/redoubt");
        assertThat(ControlPath.of(directory, "vol0")).isEqualTo(Path.of("/run/redoubt/vol0.sock"));
        assertThat(ControlPath.of(directory, "../a b")).isEqualTo(Path.of("/run/redoubt/%2E.%2Fa%20b.sock"));
        assertThat(ControlPath.of(directory, "-x")).isEqualTo(Path.of("/run/redoubt/%2Dx.sock"));
        assertThat(ControlPath.of(directory, "é")).isEqualTo(Path.of("/run/redoubt/%C3%A9.sock"));
    }

    @Test
    void aDirectoryWithoutSocketsHasNone(@TempDir Path directory) throws Exception {
        Files.writeString(directory.resolve("a.sock"), "no socket");
        assertThat(ControlPath.sockets(directory)).isEmpty();
        assertThat(ControlPath.sockets(directory.resolve("absent"))).isEmpty();
    }
}
