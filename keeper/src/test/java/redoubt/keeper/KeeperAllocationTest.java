package redoubt.keeper;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a daemon does to let a write go allocates nothing on the engine's side of it: in the interpreter, in C1 and in C2. */
@Tag("slow")
class KeeperAllocationTest {

    /** Goal: rule 17. Method: a virtual machine for each compiler, which counts what the thread allocates that brings a request or a store. */
    @ParameterizedTest
    @ValueSource(strings = {"-Xint", "-XX:TieredStopAtLevel=1", "-XX:+TieredCompilation"})
    void aDaemonsRequestsAndStoresAllocateNothing(String mode) throws Exception {
        Process machine = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-XX:+UseSerialGC",
                        "-Xmx96m",
                        mode,
                        "-cp",
                        System.getProperty("java.class.path"),
                        KeeperAllocationProbe.class.getName(),
                        mode.equals("-Xint") ? "1000" : "10000")
                .redirectErrorStream(true)
                .start();
        String output = new String(machine.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(machine.waitFor()).as(output).isZero();
        assertThat(output.lines().filter(line -> !line.startsWith("WARNING")))
                .as("%s:%n%s", mode, output)
                .containsExactly(
                        "read 0",
                        "write 0",
                        "write-fua 0",
                        "flush 0",
                        "write-into-data 0",
                        "active 0",
                        "clean 0",
                        "write-of-a-fenced-one 0");
    }
}
