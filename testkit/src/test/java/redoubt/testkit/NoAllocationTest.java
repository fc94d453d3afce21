package redoubt.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A request allocates nothing, neither on the asker's thread nor on a lane's: in the interpreter, in C1 and in C2. */
@Tag("slow")
class NoAllocationTest {

    @TempDir
    Path folder;

    /** Goal: rule 17. Method: a virtual machine for each compiler, which counts the bytes that its threads allocate. */
    @ParameterizedTest
    @ValueSource(strings = {"-Xint", "-XX:TieredStopAtLevel=1", "-XX:+TieredCompilation"})
    void requestsAllocateNothing(String mode) {
        Path tmpfs = Path.of("/dev/shm");
        assumeTrue(Files.isDirectory(tmpfs), "there is no tmpfs here");
        int rounds = mode.equals("-Xint") ? 400 : 2_500;
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("--enable-native-access=ALL-UNNAMED");
        command.add("-XX:+UseSerialGC");
        command.add("-Xmx64m");
        command.add(mode);
        command.add("-cp");
        command.add(System.getProperty("java.class.path"));
        command.add(AllocationProbe.class.getName());
        command.add(Integer.toString(rounds));
        command.add(folder.toString());
        command.add(tmpfs.toString());
        String output = HostTools.run(command.toArray(String[]::new));
        assertThat(output.lines()).hasSize(24).as("%s:%n%s", mode, output).allMatch(line -> line.endsWith(" 0"));
    }
}
