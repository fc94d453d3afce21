package redoubt.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
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

    /** Goal: a directory in which somebody else can put a socket is not used, by those who serve and by those who ask. */
    @Test
    void aDirectoryThatIsNotOnesOwnAloneIsRefused(@TempDir Path folder) throws Exception {
        Path own = folder.resolve("own");
        ControlPath.make(own);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(own)))
                .isEqualTo("rwx------");
        ControlPath.make(own);
        ControlPath.check(folder.resolve("absent"));

        Path open = folder.resolve("open");
        Files.createDirectory(open);
        Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxrwx"));
        Path link = Files.createSymbolicLink(folder.resolve("link"), own);
        for (Path wrong : List.of(open, link)) {
            assertThatThrownBy(() -> ControlPath.make(wrong)).isInstanceOf(ControlPath.Untrusted.class);
            assertThatThrownBy(() -> ControlPath.check(wrong)).isInstanceOf(ControlPath.Untrusted.class);
        }
    }

    @Test
    void aDirectoryOfSomebodyElseIsRefused(@TempDir Path folder) throws Exception {
        Path theirs = folder.resolve("theirs");
        ControlPath.make(theirs);
        try {
            Files.setAttribute(theirs, "unix:uid", 65534);
        } catch (IOException notRoot) {
            Assumptions.abort("only root can give a directory away");
        }
        assertThatThrownBy(() -> ControlPath.check(theirs)).hasMessageContaining("belongs to");
    }
}
