package redoubt.control;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import redoubt.base.Clock;
import redoubt.base.Threads;
import redoubt.kernfs.Access;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.NodeRefused;
import redoubt.kernfs.OpenFile;

/** The event ring shows the newest events whole and counts those it has lost. */
class EventRingTest {

    private static final Clock NOON = new Clock() {
        @Override
        public long nanos() {
            return 0;
        }

        @Override
        public Instant wallTime() {
            return Instant.parse("2026-01-02T12:00:00Z");
        }
    };

    private final EventRing ring = new EventRing(NOON);
    private OpenFile file;

    @BeforeEach
    void plant() throws NodeRefused {
        KernfsDirectory.root().add(ring.attribute());
        file = ring.attribute().open(Access.READ);
    }

    private List<String> lines() {
        ByteBuffer target = ByteBuffer.allocate(ControlWords.READ_LIMIT_BYTES);
        file.read(0, target);
        return UTF_8.decode(target.flip()).toString().lines().toList();
    }

    @Test
    void eventsAreShownOldestFirst() {
        ring.record("Fail", "vol0", "SERIAL-1");
        ring.record("DegradedArray", "vol0", "");
        assertThat(lines())
                .containsExactly(
                        "overwritten 0",
                        "0\t2026-01-02T12:00:00Z\tFail\tvol0\tSERIAL-1",
                        "1\t2026-01-02T12:00:00Z\tDegradedArray\tvol0\t");
    }

    @Test
    void theOldestAreOverwrittenAndCounted() {
        for (int i = 0; i < 300; i++) {
            ring.record("Fail", "x".repeat(100), "m" + i);
        }
        List<String> lines = lines();
        assertThat(lines).hasSize(201);
        assertThat(lines.getFirst()).isEqualTo("overwritten 100");
        assertThat(lines.get(1)).startsWith("100\t").endsWith("m100");
        assertThat(lines.getLast()).startsWith("299\t").endsWith("m299");
    }

    @Test
    void aNameFromADiskCannotPassForAField() {
        ring.record("Fail", "a\tb\nc\u001b[2J", "");
        assertThat(lines()).hasSize(2).last().asString().endsWith("\ta?b?c?[2J\t");
    }

    /** Method: a writer races with a reader; every line that is shown is whole. */
    @Test
    void noHalfWrittenEntryIsShown() throws Exception {
        Thread writing = Threads.start("writing", () -> {
            for (int i = 0; i < 20_000; i++) {
                ring.record("w" + i, "a" + i, "m" + i);
            }
        });
        while (writing.isAlive()) {
            List<String> lines = lines();
            for (String line : lines.subList(1, lines.size())) {
                String[] fields = line.split("\t", -1);
                assertThat(fields).hasSize(5);
                assertThat(List.of(fields[2], fields[3], fields[4]))
                        .containsExactly("w" + fields[0], "a" + fields[0], "m" + fields[0]);
            }
        }
        writing.join();
        assertThat(ring.recorded()).isEqualTo(20_000);
    }
}
