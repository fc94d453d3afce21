package redoubt.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code redoubt progress explore} prints. */
class ProgressExploreTest {

    @TempDir
    Path folder;

    @Test
    void theStoryIsPrintedAsTheMailDidAndItsCircleNamed() {
        Run run = Run.of(folder, "progress", "explore", "--story");
        assertThat(run.exit()).as(run.err()).isZero();
        assertThat(run.out())
                .contains("can hang", "PID: 2 ", "COMMAND: \"kthreadd\"", "WorkItem.flush", "COMMAND: \"md\"")
                .contains("queued on 'events', which has no rescuer, and waits for a worker")
                .contains("Bounds: writes 1,");
    }

    @Test
    void theEngineAsKeeperFinishesAndTheDocumentSaysSo() {
        Run run = Run.of(folder, "progress", "explore", "--story", "--keeper", "native", "--json");
        assertThat(run.exit()).as(run.err()).isZero();
        assertThat(run.out())
                .contains(
                        "\"command\" : \"progress explore\"",
                        "\"keeper\" : \"native\"",
                        "\"verdict\" : \"always finishes\"")
                .doesNotContain("can hang");
    }

    @Test
    void withoutAWordMoreItSaysWhatIsMissing() {
        assertThat(Run.of(folder, "progress").exit()).isEqualTo(ExitCode.USAGE.number());
    }
}
