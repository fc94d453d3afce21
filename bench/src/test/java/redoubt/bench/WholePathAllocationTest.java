package redoubt.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Goal: in steady state no request allocates anything on its way from the socket to the members and back, whether the machine
 * interprets or has compiled. Method: serve an array in a virtual machine of its own, in each of its modes, and ask for what every thread but
 * the client's has allocated while the client was busy. Members are on tmpfs, carried inline as {@code serve} does it there, or by their
 * lanes as on a disk.
 */
@Tag("slow")
class WholePathAllocationTest {

    private static final Path TMPFS = Path.of("/dev/shm");

    @Execution(ExecutionMode.CONCURRENT)
    @ParameterizedTest(name = "{0} {2} {3}")
    @CsvSource({
        "raid1, 2, AUTOMATIC, -Xint",
        "raid1, 2, AUTOMATIC, -XX:TieredStopAtLevel=1",
        "raid1, 2, AUTOMATIC, -XX:+TieredCompilation",
        "raid1, 2, THREADS, -Xint",
        "raid1, 2, THREADS, -XX:+TieredCompilation",
        "raid0, 2, AUTOMATIC, -Xint",
        "raid0, 2, AUTOMATIC, -XX:TieredStopAtLevel=1",
        "raid0, 2, AUTOMATIC, -XX:+TieredCompilation",
        "raid10, 4, AUTOMATIC, -Xint",
        "raid10, 4, AUTOMATIC, -XX:TieredStopAtLevel=1",
        "raid10, 4, AUTOMATIC, -XX:+TieredCompilation",
        "raid5, 4, AUTOMATIC, -Xint",
        "raid5, 4, AUTOMATIC, -XX:TieredStopAtLevel=1",
        "raid5, 4, AUTOMATIC, -XX:+TieredCompilation",
        "raid5, 4, THREADS, -Xint",
    })
    void noRequestAllocates(String level, int members, String way, String mode) throws Exception {
        assumeTrue(Files.isDirectory(TMPFS), "there is no tmpfs here");
        Path folder = Files.createTempDirectory(TMPFS, "redoubt-allocation-");
        try {
            List<String> command = new ArrayList<>();
            command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
            command.addAll(ServePlain.FLAGS);
            command.add(mode);
            command.addAll(List.of("-cp", System.getProperty("java.class.path")));
            command.add(WholePathProbe.class.getName());
            command.addAll(List.of(level, String.valueOf(members), way, folder.toString(), "400"));
            String said = Commands.run(command, Map.of(), folder.resolve("errors"), 110);
            List<String> lines = said.lines().toList();
            assertThat(lines).hasSize(9);
            assertThat(lines).allSatisfy(line -> {
                String[] words = line.split(" ", -1);
                assertThat(Long.parseLong(words[1])).as(line).isPositive();
                assertThat(Long.parseLong(words[2])).as(line).isZero();
            });
        } finally {
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.deleteIfExists(file);
                }
            }
        }
    }
}
