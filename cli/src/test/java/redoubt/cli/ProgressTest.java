package redoubt.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** How far a long piece of work has come, as a person and as a log see it; on a clock that the test moves. */
class ProgressTest {

    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final AtomicLong nanos = new AtomicLong(TimeUnit.HOURS.toNanos(1));

    private Progress progress(boolean terminal) {
        PrintStream stream = new PrintStream(err, true, StandardCharsets.UTF_8);
        Console console = new Console(
                stream, stream, new ByteArrayInputStream(new byte[0]), Map.of("TERM", "dumb"), false, terminal);
        return new Progress(console, "copying v", 100 << 20, nanos::get);
    }

    /** What was said since this was asked last. */
    private String said() {
        String text = err.toString(StandardCharsets.UTF_8);
        err.reset();
        return text;
    }

    private void pass(long millis) {
        nanos.addAndGet(TimeUnit.MILLISECONDS.toNanos(millis));
    }

    @Test
    void aBarMovesFiveTimesASecondAndIsTakenAway() {
        Progress progress = progress(true);
        progress.at(1 << 20);
        assertThat(said()).isEmpty();
        pass(1_000);
        progress.at(25 << 20);
        assertThat(said()).isEqualTo("\rcopying v [=======>                       ]  25%  25.0 MiB/s  0:03 left  ");
        pass(100);
        progress.at(30 << 20);
        assertThat(said()).isEmpty();
        pass(900);
        progress.at(100 << 20);
        assertThat(said()).isEqualTo("\rcopying v [==============================>] 100%  50.0 MiB/s  0:00 left  ");
        progress.end();
        assertThat(said()).matches("\r +\r");
    }

    @Test
    void whereNobodyLooksALineIsSaidEveryTenSeconds() {
        Progress progress = progress(false);
        pass(9_000);
        progress.at(10 << 20);
        assertThat(said()).isEmpty();
        pass(1_500);
        progress.at(50 << 20);
        assertThat(said()).isEqualTo("redoubt: copying v: 50%, 50.0 MiB of 100.0 MiB\n");
        progress.end();
        assertThat(said()).isEmpty();
    }

    @Test
    void whatWasDoneAtOnceSaysNothing() {
        for (boolean terminal : new boolean[] {false, true}) {
            Progress progress = progress(terminal);
            progress.at(100 << 20);
            progress.end();
            assertThat(said()).isEmpty();
        }
    }
}
