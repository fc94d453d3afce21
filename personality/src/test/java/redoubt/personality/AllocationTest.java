package redoubt.personality;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Goal: a request allocates nothing, interpreted or compiled by either compiler. Method: {@link AllocationProbe} in a process of its own. */
@Tag("slow")
class AllocationTest {

    @ParameterizedTest
    @CsvSource({"-Xint, 60", "-XX:TieredStopAtLevel=1, 2000", "-XX:+TieredCompilation, 20000"})
    @Execution(ExecutionMode.CONCURRENT)
    void requestsAllocateNothing(String flag, int count) throws Exception {
        List<String> command = List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                flag,
                "-XX:+UseSerialGC",
                "-Xmx128m",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                AllocationProbe.class.getName(),
                Integer.toString(count));
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
        List<String> allocating = new ArrayList<>();
        List<String> lines = output.lines().toList();
        assertThat(lines).as(output).hasSize(1 + 6 * 7 + 1);
        for (String line : lines) {
            if (!line.endsWith(" 0")) {
                allocating.add(line);
            }
        }
        assertThat(allocating).as("bytes allocated with %s", flag).isEmpty();
    }
}
