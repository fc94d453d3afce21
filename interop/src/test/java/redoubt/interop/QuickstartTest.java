package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** The first thing that a new user runs, run as a user runs it. */
@Interop
class QuickstartTest {

    @Test
    void provesThatAllContentIsRight() {
        try (Scratch scratch = Scratch.make()) {
            Outcome outcome = Redoubt.in(scratch).command("quickstart").run().mustSucceed();
            assertThat(outcome.out()).contains("All of it is right", "[2/1] [U_]");
        }
    }
}
