package redoubt.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Reads and writes of open files allocate nothing on the mount's threads: in the interpreter, in C1 and in C2. */
@Tag("interop")
class NoAllocationTest {

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"-Xint", "-XX:TieredStopAtLevel=1", "-XX:+TieredCompilation"})
    void openFilesAllocateNothing(String mode) throws Exception {
        Shell.needsFuse();
        List<String> line = Shell.java(List.of(), AllocationProbe.class, folder.toString(), "1000");
        line.add(1, mode);
        Process probe = Shell.start(line);
        String said = new String(probe.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(probe.waitFor()).as(said).isZero();
        assertThat(said.strip()).as(mode).isEqualTo("allocated 0");
    }
}
